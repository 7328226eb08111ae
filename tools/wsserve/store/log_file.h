// SQLite's write-ahead log, read from outside: what of it a recovery would take, and
// where a commit stands in it (https://sqlite.org/fileformat2.html#walformat).
//
// SQLite takes a log up to its first frame that is not as it was written, and says
// nothing of what lies behind it. That is right after a crash, where it is a commit
// that nobody was told of, and wrong where it is one that was acknowledged.
//
// Threads: pure functions and values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace wskit::server::store {

// The generation of a log: it changes whenever the log begins anew, the first number
// by one.
struct LogSalts {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  bool operator==(const LogSalts&) const = default;
};

// How far a log had come when its newest commit was acknowledged.
struct LogMark {
  LogSalts salts;
  std::uint32_t frames = 0;  // up to and with that commit; 0: it was empty

  bool operator==(const LogMark&) const = default;

  // As a line of kBytes.
  static constexpr std::size_t kBytes = 40;
  [[nodiscard]] std::string text() const;
  // Nothing: the text is no mark.
  [[nodiscard]] static std::optional<LogMark> parse(std::string_view text);
};

// The same line for a store that was closed: it has no log.
[[nodiscard]] std::string closed_mark();

struct LogScan {
  bool exists = false;  // with a header that is whole
  LogSalts salts;
  std::uint32_t frames = 0;  // up to and with the last commit that a recovery takes
  bool goes_on = false;      // behind the first bad frame there are others of the same generation
};
// Reads the whole file. What cannot be read, or has no whole header, is taken for missing.
[[nodiscard]] LogScan scan_log(const std::string& path);

// The log's generation now; nothing: it is empty. `descriptor`: of the log.
[[nodiscard]] std::optional<LogSalts> read_salts(int descriptor);

// The size of a log of so many frames.
[[nodiscard]] std::uint64_t log_bytes(std::uint32_t frames, std::uint32_t page_bytes);

// Whether a log that was found so still has all that the mark speaks of. It may have
// begun anew since, which it does only when nothing in it is needed any more.
[[nodiscard]] bool holds(const LogScan& found, const LogMark& mark);

}  // namespace wskit::server::store
