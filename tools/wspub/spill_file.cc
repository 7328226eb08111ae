#include "wspub/spill_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <tuple>
#include <utility>

namespace wskit::pub {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{64} << 10;

std::string spill_failure(std::string_view verb, const std::string& path) {
  return fmt::format("cannot {} {}: {}", verb, path, std::generic_category().message(errno));
}

// How much of it was written.
std::size_t write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

SpillFile::SpillFile(std::string path, Separator separator, InputKind input, std::size_t max_record_bytes)
    : path_(std::move(path)),
      format_(record_format(separator, input)),
      splitter_(separator, max_record_bytes) {
  assert(separator != Separator::kNone);
}

SpillFile::~SpillFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string SpillFile::open() {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) return spill_failure("open", path_);
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return spill_failure("open", path_);
  if (!S_ISREG(status.st_mode)) return fmt::format("cannot keep lines in {}: it is no regular file", path_);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    return fmt::format("another wspub keeps its lines in {}; each needs a file of its own", path_);
  }
  if (status.st_size == 0) return "";
  return fmt::format(
      "{} holds lines that another run could not publish: publish them (wspub … {}) and remove it first",
      path_, path_);
}

void SpillFile::append(std::string_view part, bool last) {
  format_.append(tail_, part);
  if (last) {
    tail_ += format_.separator;
    ++records_;
  }
  if (tail_.size() >= kWriteBytes) write_tail();
}

void SpillFile::write_tail() {
  const std::size_t done = write_at(fd_, tail_, written_);
  error_ = done < tail_.size() ? spill_failure("write to", path_) : "";
  written_ += done;
  tail_.erase(0, done);
}

RecordSplitter::Item SpillFile::next() {
  while (true) {
    const RecordSplitter::Item item = splitter_.next();
    if (item.kind == RecordSplitter::Kind::kNeedMore) {
      if (refill()) continue;
      return item;
    }
    if (item.kind != RecordSplitter::Kind::kRest) --records_;
    return item;
  }
}

bool SpillFile::refill() {
  const std::span<char> room = splitter_.writable();
  if (read_ < written_) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), written_ - read_));
    const ssize_t count = ::pread(fd_, room.data(), wanted, static_cast<off_t>(read_));
    if (count <= 0) {
      error_ =
          count < 0 ? spill_failure("read", path_) : fmt::format("{} has lost lines that it held", path_);
      return false;
    }
    splitter_.commit(static_cast<std::size_t>(count));
    read_ += static_cast<std::uint64_t>(count);
  } else {
    if (tail_.empty()) return false;
    const std::size_t count = std::min(room.size(), tail_.size());
    std::memcpy(room.data(), tail_.data(), count);
    tail_.erase(0, count);
    splitter_.commit(count);
  }
  if (read_ == written_ && ::ftruncate(fd_, 0) == 0) read_ = written_ = 0;
  return true;
}

std::string SpillFile::finish(std::string_view front) {
  if (fd_ < 0) return "";
  if (front.empty() && empty()) return ::unlink(path_.c_str()) == 0 ? "" : spill_failure("remove", path_);
  const std::string beside = path_ + ".new";
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return spill_failure("write", beside);
  std::uint64_t offset = 0;
  std::string bytes(front);
  bool whole = true;
  const auto flush = [&] {
    whole = whole && write_at(file, bytes, offset) == bytes.size();
    offset += bytes.size();
    bytes.clear();
  };
  while (whole) {
    const RecordSplitter::Item item = next();
    if (item.kind == RecordSplitter::Kind::kNeedMore) break;
    bytes += item.text;
    if (item.last) bytes += format_.separator;
    if (bytes.size() >= kWriteBytes) flush();
  }
  flush();
  if (whole && error_.empty()) whole = ::fsync(file) == 0 && ::rename(beside.c_str(), path_.c_str()) == 0;
  std::string error = whole ? error_ : spill_failure("write", beside);
  ::close(file);
  return error;
}

}  // namespace wskit::pub
