#include "wspub/dead_letters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace wskit::pub {
namespace {

std::string dead_letters_failure(std::string_view verb, const std::string& path) {
  return fmt::format("cannot {} {}: {}", verb, path, std::generic_category().message(errno));
}

}  // namespace

DeadLetters::~DeadLetters() {
  if (fd_ >= 0) ::close(fd_);
}

std::string DeadLetters::open(const std::string& path) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  return fd_ < 0 ? dead_letters_failure("open", path) : "";
}

std::string DeadLetters::flush() {
  if (buffer_.empty()) return "";
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      buffer_.clear();
      return dead_letters_failure("write to", path_);
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
  return flush_ == Flush::kToDisk && ::fdatasync(fd_) != 0 ? dead_letters_failure("write to", path_) : "";
}

}  // namespace wskit::pub
