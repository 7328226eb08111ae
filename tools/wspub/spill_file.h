// The file of --on-full spill=FILE: records that wait for the server on disk, in
// their order. What is left in it at the end can be published as it is.
//
// A queue: append() at the end, next() at the front. The file is emptied whenever
// all of it has been taken, and gone after a run that leaves nothing.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wspub/record_format.h"
#include "wspub/record_splitter.h"

namespace wskit::pub {

class SpillFile {
 public:
  // Records are written down as record_format.h says. REQUIRES: a separator.
  SpillFile(std::string path, Separator separator, InputKind input, std::size_t max_record_bytes);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Empty, or why the file cannot be had, with the remedy. One that holds lines is
  // left as it is.
  [[nodiscard]] std::string open();

  // A record in one or more parts, with `last` the last one. Written with flush(), or
  // when much has gathered; what cannot be written yet stays in memory, and error()
  // says so.
  void append(std::string_view part, bool last);
  void flush() {
    if (!tail_.empty()) write_tail();
  }

  // Why the last write did not succeed, with the file's name; empty: it did. Nothing
  // should be appended then. recover() tries again.
  [[nodiscard]] const std::string& error() const { return error_; }
  void recover() { write_tail(); }

  [[nodiscard]] bool empty() const { return records_ == 0; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

  // The next record, or part of one that is too long; what append() was given last
  // must have been a last part. REQUIRES: not empty(), or within a record.
  [[nodiscard]] RecordSplitter::Item next();

  // The end: `front` (whole records) and what is left stay in the file; without
  // any, the file goes. Empty, or why that was not possible.
  [[nodiscard]] std::string finish(std::string_view front);

 private:
  void write_tail();
  [[nodiscard]] bool refill();

  std::string path_;
  RecordFormat format_;
  RecordSplitter splitter_;  // of what is read back
  int fd_ = -1;
  std::uint64_t written_ = 0;  // bytes of the file
  std::uint64_t read_ = 0;     // of those, handed to the splitter
  std::string tail_;           // behind the file's bytes
  std::uint64_t records_ = 0;  // appended to their end and not yet begun to be taken
  std::string error_;
};

}  // namespace wskit::pub
