// The file of --journal: how far an input has been acknowledged, safe against
// kill -9 and loss of power at any moment, and against two users at once.
//
// Format: two slots of kSlotBytes, written in turn, each one line of JSON filled
// up with spaces. The valid one with the higher `sequence` counts: a write that
// was torn costs no more than what it would have said.
//
//     {"wspub-journal":1,"sequence":17,"producer":"k3x7c2m4n5p6","separator":"newline",
//      "before":0,"records":4710,"bytes":845203,"digest":"89abcdef","inode":1234,"checksum":"01234567"}
//
// `before`: records of earlier inputs in the run of inputs (rotated files);
// `records`, `bytes`, `digest`: an InputMark; `inode`: of the file that is followed, 0
// or absent where there is none; `checksum`: CRC-32 of what stands before it.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wspub/input_mark.h"
#include "wspub/record_splitter.h"

namespace wskit::pub {

// What a journal says.
struct JournalEntry {
  std::string producer;  // of the marks, for all runs with this journal
  Separator separator = Separator::kNewline;
  std::uint64_t before = 0;  // records of the inputs before the one that `mark` stands in
  InputMark mark;
  std::uint64_t inode = 0;  // of that one, if it is a file that is followed

  // Records that are done, of all inputs.
  [[nodiscard]] std::uint64_t records() const { return before + mark.records; }

  bool operator==(const JournalEntry&) const = default;
};

class JournalFile {
 public:
  static constexpr std::size_t kSlotBytes = 4096;

  JournalFile() = default;
  ~JournalFile();
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  // Opens and locks `path`. `entry` becomes what it says; a file that is new, or
  // empty, is made to say `entry`. Empty, or what is wrong, with the remedy.
  [[nodiscard]] std::string open(const std::string& path, JournalEntry& entry);

  // On return it is on the disk. Empty, or why that cannot be. REQUIRES: open.
  [[nodiscard]] std::string write(const JournalEntry& entry);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::string read(std::string_view content, JournalEntry& entry);

  std::string path_;
  int fd_ = -1;
  std::uint64_t sequence_ = 0;  // of the last slot written
};

}  // namespace wskit::pub
