#include "wsserve/store/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace wskit::server::store {
namespace {

// The process that wrote its number into the file.
std::string holder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), 0);
  return {text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
}

}  // namespace

protocol::Result<FileLock> FileLock::acquire(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return protocol::Error{protocol::ErrorCode::kUnavailable,
                           fmt::format("cannot make {}: {}; let this user write its folder", path,
                                       std::generic_category().message(errno)),
                           ""};
  }
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return protocol::Error{protocol::ErrorCode::kUnavailable,
                           fmt::format("another wsserve (process {}) has it open", holder(descriptor)), ""};
  }
  const std::string number = std::to_string(::getpid());
  // Only for the message above: not being able to write it is no reason to fail.
  if (::ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, number.data(), number.size(), 0);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace wskit::server::store
