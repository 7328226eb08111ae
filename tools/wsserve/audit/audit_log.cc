#include "wsserve/audit/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "common/protocol/timestamp.h"

namespace wskit::server {
namespace {

protocol::Result<int> open_file(const std::string& path) {
  constexpr mode_t kOwnerOnly = 0600;
  // Not blocking: a pipe without a reader must neither hold up the start nor the end.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kOwnerOnly);
  if (fd >= 0) return fd;
  return protocol::Error{
      protocol::ErrorCode::kInternal,
      fmt::format("the audit log {} cannot be opened: {}", path, std::generic_category().message(errno)),
      {}};
}

std::string lost_line(std::uint64_t lines) {
  return fmt::format(R"({{"time":"{}","what":"lost","lines":{}}})"
                     "\n",
                     protocol::Timestamp::now().text(), lines);
}

}  // namespace

protocol::Result<std::unique_ptr<AuditLog>> AuditLog::open(Options options) {
  const auto fd = open_file(options.path);
  if (!fd) return fd.error();
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(options), *fd));
}

AuditLog::AuditLog(Options options, int fd)
    : options_(std::move(options)), fd_(fd), thread_(&AuditLog::run, this) {}

AuditLog::~AuditLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  ::close(fd_);
}

void AuditLog::write(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() + 1 > options_.max_waiting_bytes) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const std::size_t before = waiting_.size();
    try {
      waiting_ += line;
      waiting_ += '\n';
    } catch (const std::bad_alloc&) {
      waiting_.resize(before);
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (before > 0) return;
  }
  wake_.notify_one();
}

protocol::Result<void> AuditLog::reopen() {
  const auto fd = open_file(options_.path);
  if (!fd) return fd.error();
  int unused = -1;
  {
    const std::lock_guard lock(mutex_);
    unused = std::exchange(next_fd_, *fd);
    bytes_before_next_ = waiting_.size();
  }
  if (unused >= 0) ::close(unused);
  wake_.notify_one();
  return {};
}

void AuditLog::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty() || next_fd_ >= 0; });
    if (waiting_.empty() && next_fd_ < 0) return;
    batch.clear();
    batch.swap(waiting_);
    const int next = std::exchange(next_fd_, -1);
    const std::size_t bytes_before = bytes_before_next_;
    lock.unlock();
    std::string_view text = batch;
    if (next >= 0) {
      // What came before goes to the file that was there before, as far as that has room.
      text.remove_prefix(write_batch(text.substr(0, bytes_before), Successor::kIsThere));
      ::close(std::exchange(fd_, next));
      mid_line_ = false;
    }
    text.remove_prefix(write_batch(text, Successor::kMayCome));
    lock.lock();
    if (text.empty()) continue;
    try {
      waiting_.insert(0, text);
    } catch (const std::bad_alloc&) {
      count_lost(text);
    }
    bytes_before_next_ = 0;
  }
}

void AuditLog::count_lost(std::string_view lines) {
  lost_.fetch_add(static_cast<std::uint64_t>(std::ranges::count(lines, '\n')), std::memory_order_relaxed);
}

AuditLog::Room AuditLog::wait_for_room(Successor successor) {
  if (successor == Successor::kIsThere) return Room::kElsewhere;
  pollfd pipe{.fd = fd_, .events = POLLOUT, .revents = 0};
  constexpr int kPatienceMs = 100;
  while (::poll(&pipe, 1, kPatienceMs) == 0) {
    const std::lock_guard lock(mutex_);
    if (next_fd_ >= 0) return Room::kElsewhere;
    if (stopping_) return Room::kNowhere;
  }
  return Room::kHere;
}

std::size_t AuditLog::write_batch(std::string_view text, Successor successor) {
  if (text.empty()) return 0;
  try {
    return try_to_write(text, successor);
  } catch (const std::bad_alloc&) {
    // Without the memory to put it together, nothing of it is written.
    count_lost(text);
    return text.size();
  }
}

std::size_t AuditLog::try_to_write(std::string_view text, Successor successor) {
  std::string prefix = mid_line_ ? "\n" : "";
  const std::uint64_t lost = lost_.load(std::memory_order_relaxed);
  if (lost > lost_told_) prefix += lost_line(lost - lost_told_);
  const std::string whole = prefix + std::string(text);
  std::size_t written = 0;
  Room room = Room::kHere;
  while (written < whole.size()) {
    const ssize_t count = ::write(fd_, whole.data() + written, whole.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      room = wait_for_room(successor);
      if (room == Room::kHere) continue;
    }
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  if (written >= prefix.size()) lost_told_ = lost;
  if (written > 0) mid_line_ = whole[written - 1] != '\n';
  if (written == whole.size()) return text.size();
  const std::string_view kept = text.substr(0, written - std::min(prefix.size(), written));
  const std::size_t whole_lines = kept.rfind('\n') + 1;  // none: npos + 1 is 0
  if (room == Room::kElsewhere) return whole_lines;
  count_lost(text.substr(whole_lines));
  return text.size();
}

}  // namespace wskit::server
