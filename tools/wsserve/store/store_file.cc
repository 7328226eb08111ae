#include "wsserve/store/store_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace wskit::server::store {
namespace {

// SQLite locks bytes from 2^30 on; this is one that no file is long enough to have.
constexpr off_t kLockedByte = off_t{1} << 62;

std::string last_error() { return std::generic_category().message(errno); }

protocol::Error refusal(std::string message) {
  return {protocol::ErrorCode::kUnavailable, std::move(message), ""};
}

// Of the file itself, and so under each of its names. Held by the descriptor.
bool lock_file(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLockedByte;
  lock.l_len = 1;
  return ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
}

[[noreturn]] void fail(const std::string& message) { throw SqlError(SQLITE_IOERR, message); }

}  // namespace

protocol::Result<StoreFile> StoreFile::open(const std::string& path) {
  auto lock = FileLock::acquire(path + "-lock");
  if (!lock) return lock.error();
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return refusal(fmt::format("{}: let this user write the file and its folder", last_error()));
  }
  StoreFile file(path, std::move(*lock), descriptor);
  if (!lock_file(descriptor)) {
    if (errno == EAGAIN || errno == EACCES) {
      return refusal(
          "another wsserve has the same file open under another name: stop it, or name another file");
    }
    return refusal(fmt::format("it cannot be locked ({}): use a local disk", last_error()));
  }
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && status.st_nlink > 1) {
    return refusal(
        fmt::format("the file has {} names (hard links), and its log belongs to one of them only: remove the "
                    "others, or start with a copy",
                    status.st_nlink));
  }
  file.found_ = scan_log(path + "-wal");
  return file;
}

StoreFile::StoreFile(std::string path, FileLock lock, int descriptor)
    : path_(std::move(path)), lock_(std::move(lock)), descriptor_(descriptor) {}

StoreFile::StoreFile(StoreFile&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::move(other.lock_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      log_(std::exchange(other.log_, -1)),
      found_(other.found_),
      page_bytes_(other.page_bytes_),
      least_bytes_(other.least_bytes_),
      mark_(other.mark_),
      lost_(std::move(other.lost_)) {}

StoreFile& StoreFile::operator=(StoreFile&& other) noexcept {
  path_.swap(other.path_);
  std::swap(lock_, other.lock_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(log_, other.log_);
  found_ = other.found_;
  page_bytes_ = other.page_bytes_;
  least_bytes_ = other.least_bytes_;
  mark_ = other.mark_;
  lost_.swap(other.lost_);
  return *this;
}

StoreFile::~StoreFile() {
  if (log_ >= 0) ::close(log_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool StoreFile::has_whole_log(bool running) const {
  if (const auto mark = LogMark::parse(lock_.mark())) return holds(found_, *mark);
  // Nothing says how far the log had come: an older server's file, or a copy of one
  // that was open, or somebody has removed the lock's file.
  return !running || (found_.exists && !found_.goes_on);
}

void StoreFile::watch(Database& database) {
  page_bytes_ = static_cast<std::uint64_t>(database.number("PRAGMA page_size"));
  log_ = ::open((path_ + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
  if (log_ < 0) fail(fmt::format("cannot open {}-wal ({})", path_, last_error()));
  check(database);
  note_commit(database);
}

// --- While it is open ------------------------------------------------------

std::uint64_t StoreFile::expect_same(const std::string& path, int descriptor) {
  struct stat open {};
  struct stat now {};
  if (::fstat(descriptor, &open) != 0) fail(fmt::format("cannot look at {} ({})", path, last_error()));
  if (::stat(path.c_str(), &now) != 0) {
    if (errno == ENOENT) fail(fmt::format("{} was removed while it was open", path));
    fail(fmt::format("cannot look at {} ({})", path, last_error()));
  }
  if (open.st_dev != now.st_dev || open.st_ino != now.st_ino) {
    fail(fmt::format("another file lies in the place of {}, which was open", path));
  }
  return static_cast<std::uint64_t>(now.st_size);
}

void StoreFile::check_database(Database& database) {
  const std::uint64_t bytes = expect_same(path_, descriptor_);
  if (bytes < least_bytes_) {
    // A VACUUM by another program makes it shorter too, and is no harm.
    const auto pages = static_cast<std::uint64_t>(database.number("PRAGMA page_count"));
    if (bytes < page_bytes_ || bytes < std::min(least_bytes_, pages * page_bytes_)) {
      fail(fmt::format("{} was cut off at {} bytes while it was open", path_, bytes));
    }
  }
  least_bytes_ = bytes;
}

void StoreFile::check_log(Database& database) {
  const std::string path = path_ + "-wal";
  const auto needed = [&] {
    const int frames = std::max(database.wal_pages(), 0);
    return log_bytes(static_cast<std::uint32_t>(frames), static_cast<std::uint32_t>(page_bytes_));
  };
  if (expect_same(path, log_) >= needed()) return;
  // Another program may have written it back and emptied it, which SQLite knows; if
  // not, this fails or finds that there should be more.
  database.checkpoint(Checkpoint::kPassive);
  const std::uint64_t bytes = expect_same(path, log_);
  if (bytes < needed()) fail(fmt::format("{} was cut off at {} bytes while it was open", path, bytes));
  note_commit(database);
}

void StoreFile::check(Database& database) {
  if (!lost_.empty()) fail(lost_);
  check_database(database);
  check_log(database);
}

void StoreFile::confirm(Database& database) {
  try {
    check_database(database);
    (void)expect_same(path_ + "-wal", log_);
  } catch (const SqlError& error) {
    lost_ = fmt::format("{}; put it back and restart", error.what());
    fail(lost_);
  }
  note_commit(database);
}

void StoreFile::note_commit(Database& database) {
  LogMark mark;
  if (const auto salts = read_salts(log_)) {
    mark = {.salts = *salts, .frames = static_cast<std::uint32_t>(std::max(database.wal_pages(), 0))};
  }
  if (mark == mark_) return;
  mark_ = mark;
  lock_.set_mark(mark.text());
}

void StoreFile::note_closed() { lock_.set_mark(closed_mark()); }

}  // namespace wskit::server::store
