// The file that lines are set aside in which cannot be published, as they were
// read (record_format.h), so that they can be mended and published again.
//
// Threads: one.
#pragma once

#include <string>
#include <string_view>

#include "wspub/record_format.h"

namespace wskit::pub {

class DeadLetters {
 public:
  enum class Flush : bool { kToKernel, kToDisk };

  DeadLetters(RecordFormat format, Flush flush) : format_(format), flush_(flush) {}
  ~DeadLetters();
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;

  // Opens `path` for appending. Empty, or why that cannot be done.
  [[nodiscard]] std::string open(const std::string& path);

  // A record in one or more parts; end() completes it.
  void append(std::string_view part) { format_.append(buffer_, part); }
  void end() { buffer_ += format_.separator; }

  // Writes what was appended. Empty, or why that cannot be done.
  [[nodiscard]] std::string flush();

 private:
  RecordFormat format_;
  Flush flush_;
  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace wskit::pub
