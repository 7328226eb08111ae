#include "common/client/token_file.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "common/text.h"

namespace wskit::client {
namespace {

constexpr std::size_t kMaxTokenBytes = std::size_t{64} << 10;

}  // namespace

void throw_exception_from_error(const TokenError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

boost::system::result<std::string, TokenError> TokenFile::read() {
  read_ = seen_ = look();
  errno = 0;
  std::ifstream file(path_, std::ios::binary);
  std::string content(kMaxTokenBytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.is_open() || file.bad()) {
    const char* why = errno != 0 ? std::strerror(errno) : "unknown error";  // NOLINT(concurrency-mt-unsafe)
    return TokenError{fmt::format("cannot read {}: {}", path_, why)};
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  const std::string_view token = trim(content);
  if (token.empty()) return TokenError{fmt::format("{} holds no token", path_)};
  if (content.size() > kMaxTokenBytes || !is_sendable_token(token)) {
    return TokenError{fmt::format("{} must hold one token and nothing else", path_)};
  }
  // Named, for the text of an error is one too.
  return {boost::system::in_place_value, token};
}

bool TokenFile::has_settled_anew() {
  const Stamp now = look();
  const bool settled = now == seen_;
  seen_ = now;
  return settled && now != read_ && now != Stamp{};
}

TokenFile::Stamp TokenFile::look() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

bool is_sendable_token(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool can_be_read_again(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace wskit::client
