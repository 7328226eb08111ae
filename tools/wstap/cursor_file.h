// The file of --cursor: how far each channel was read, for the next run.
//
//   {"wskit":"cursor","version":1,"url":"ws://…","saved":"2026-11-20T10:00:00.000000Z",
//    "since":{"positions":{"market/AAPL":{"offset":42,"epoch":"5qkp2sk9"}},"time":"…"}}
//
// `since` is what a subscription takes; it is left out as long as no run has come
// so far as to know one. While it is open the file is locked, so that only one
// process has it.
//
// Threads: one.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/position.h"

namespace wskit::tap {

struct CursorError {
  std::string message;   // names the file and the remedy
  bool damaged = false;  // what the file holds is wrong, not what the system says of it
};
[[noreturn]] void throw_exception_from_error(const CursorError& error, const boost::source_location&);

template <class T>
using CursorResult = boost::system::result<T, CursorError>;

class CursorFile {
 public:
  // Locks the file, which begins to exist here if it did not, and reads it.
  [[nodiscard]] static CursorResult<CursorFile> open(const std::string& path, std::string_view url);

  CursorFile(CursorFile&& other) noexcept;
  CursorFile& operator=(CursorFile&&) = delete;
  CursorFile(const CursorFile&) = delete;
  CursorFile& operator=(const CursorFile&) = delete;
  ~CursorFile();

  // What the last run left; nothing if there was none that came so far.
  [[nodiscard]] const std::optional<protocol::FromPositions>& since() const { return since_; }
  // The server that the file was last written for; empty: none.
  [[nodiscard]] const std::string& saved_url() const { return saved_url_; }

  // Replaces the file as a whole, and returns once that is on the disk.
  [[nodiscard]] CursorResult<void> save(const protocol::FromPositions& since);

 private:
  CursorFile(std::string path, std::string url, int fd);

  [[nodiscard]] CursorResult<void> read();
  // Of a file written beside it, which then takes its place.
  [[nodiscard]] CursorResult<void> write(const std::string& path, std::string_view text, int& fd) const;
  [[nodiscard]] std::string encode(const std::optional<protocol::FromPositions>& since) const;
  [[nodiscard]] static CursorResult<bool> create(const CursorFile& file);

  std::string path_;
  std::string url_;
  int fd_;  // of the file that is at path_ now; has the lock
  std::optional<protocol::FromPositions> since_;
  std::string saved_url_;
};

}  // namespace wskit::tap
