// A token in a file that somebody else may replace, as is done for short-lived
// ones before they expire.
//
// Threads: one.
#pragma once

#include <sys/types.h>

#include <boost/system/result.hpp>
#include <cstdint>
#include <ctime>
#include <string>

namespace wskit::client {

struct TokenError {
  std::string message;  // names the file, and nothing of what it holds
};
[[noreturn]] void throw_exception_from_error(const TokenError& error, const boost::source_location&);

class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  // The token, without the white space around it. Of a pipe (/dev/fd/3) there is
  // one only once.
  [[nodiscard]] boost::system::result<std::string, TokenError> read();

  // Whether it is another file than read() last saw, and was so at the call
  // before: what is still being written is left alone.
  [[nodiscard]] bool has_settled_anew();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  // All zero: there is no file.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified = 0;  // nanoseconds
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] Stamp look() const;

  std::string path_;
  Stamp read_;  // when it was read
  Stamp seen_;  // at the last look
};

// Whether the token can be sent at all.
[[nodiscard]] bool is_sendable_token(std::string_view token);

// Whether the path is that of a file that can be read again, other than a pipe.
[[nodiscard]] bool can_be_read_again(const std::string& path);

}  // namespace wskit::client
