#include "wsserve/store/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace wskit::server::store {
namespace {

// The number of the process, filled up with blanks, and behind it the mark.
constexpr std::size_t kNumberBytes = 32;
constexpr std::size_t kMostMarkBytes = 256;

std::string read_at(int descriptor, std::size_t offset, std::size_t most) {
  std::string text(most, '\0');
  const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), static_cast<off_t>(offset));
  text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return text;
}

// The process that wrote its number into the file.
std::string holder(int descriptor) {
  const std::string text = read_at(descriptor, 0, kNumberBytes);
  return text.substr(0, text.find_first_not_of("0123456789"));
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
  lock.mark_ = read_at(descriptor, kNumberBytes, kMostMarkBytes);
  // Only for the message above: not being able to write it is no reason to fail.
  std::string number = std::to_string(::getpid());
  number.resize(kNumberBytes - 1, ' ');
  number += '\n';
  [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, number.data(), number.size(), 0);
  return lock;
}

void FileLock::set_mark(std::string_view mark) const {
  [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, mark.data(), mark.size(), kNumberBytes);
}

FileLock::FileLock(FileLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), mark_(std::move(other.mark_)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  mark_.swap(other.mark_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace wskit::server::store
