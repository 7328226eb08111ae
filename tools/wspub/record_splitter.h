// Cuts a stream of bytes into records: lines, NUL-terminated records, or the
// whole input as one.
//
// Pull parser over its own buffer: fill the room that writable() gives, commit()
// it, then call next() until it says kNeedMore. Records are slices of the
// buffer; memory is bounded by the longest record allowed, never by the input.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace wskit::pub {

enum class Separator : std::uint8_t { kNewline, kNul, kNone };

class RecordSplitter {
 public:
  enum class Kind : std::uint8_t {
    kNeedMore,
    kRecord,   // one whole record, its separator taken off
    kTooLong,  // the beginning of one that is longer than allowed; kRest follows
    kRest,     // what comes next of it, possibly nothing; `last` at its end
  };
  struct Item {
    Kind kind = Kind::kNeedMore;
    std::string_view text;  // valid until the next call of writable()
    bool last = true;
  };

  RecordSplitter(Separator separator, std::size_t max_record_bytes);

  // Room for the next read, at least kReadBytes. What was returned before is
  // gone. REQUIRES: next() has said kNeedMore.
  [[nodiscard]] std::span<char> writable();
  void commit(std::size_t bytes) { end_ += bytes; }

  // What comes next is the beginning of an input: a byte order mark there (of UTF-8)
  // belongs to no record. REQUIRES: nothing is left of what came before.
  void begin_input() { at_start_ = true; }

  // The input is over: what is left is a record of its own. After that and
  // after the last next() the splitter is ready for another input.
  void finish() { finished_ = true; }

  [[nodiscard]] Item next();

  static constexpr std::size_t kReadBytes = std::size_t{256} << 10;

 private:
  [[nodiscard]] Item take(std::size_t bytes, std::size_t separator_bytes);
  [[nodiscard]] Item unfinished();
  void pass_over_mark();

  Separator separator_;
  std::size_t max_record_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of the record that is being looked for
  std::size_t scanned_ = 0;  // up to here it holds no separator
  std::size_t end_ = 0;      // of the bytes read
  bool finished_ = false;
  bool at_start_ = false;  // of an input, where a mark may stand
  bool overlong_ = false;  // within a record whose kTooLong has been handed out
};

}  // namespace wskit::pub
