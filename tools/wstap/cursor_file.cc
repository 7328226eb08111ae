#include "wstap/cursor_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/timestamp.h"

namespace wskit::tap {
namespace {

using protocol::FromPositions;

enum class Field : std::uint8_t { kWskit, kVersion, kUrl, kSaved, kSince };
constexpr protocol::FieldNames<Field, 5> kFields{{"wskit", "version", "url", "saved", "since"}};
constexpr std::string_view kVersion = "1";
constexpr ::mode_t kMode = 0644;

CursorError failed(std::string_view what, const std::string& path, int error) {
  return {fmt::format("cannot {} the cursor {}: {}", what, path,
                      std::strerror(error))};  // NOLINT(concurrency-mt-unsafe)
}

// A link is followed once, so that replacing the file does not replace the link.
std::string resolve(const std::string& path) {
  char* const real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string resolved(real);
  std::free(real);  // NOLINT(cppcoreguidelines-no-malloc): realpath's own
  return resolved;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

void sync_folder(const std::string& path) {
  const int fd = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  // Some file systems cannot; the rename is atomic all the same.
  static_cast<void>(::fsync(fd));
  ::close(fd);
}

std::optional<std::string> text_of(std::string_view json) {
  std::string text;
  if (!protocol::is_json_string(json)) return std::nullopt;
  if (!protocol::append_decoded(text, json.substr(1, json.size() - 2))) return std::nullopt;
  return text;
}

bool same_file(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

void throw_exception_from_error(const CursorError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

CursorFile::CursorFile(std::string path, std::string url, int fd)
    : path_(std::move(path)), url_(std::move(url)), fd_(fd) {}

CursorFile::CursorFile(CursorFile&& other) noexcept
    : path_(std::move(other.path_)),
      url_(std::move(other.url_)),
      fd_(std::exchange(other.fd_, -1)),
      since_(std::move(other.since_)),
      saved_url_(std::move(other.saved_url_)) {}

CursorFile::~CursorFile() {
  if (fd_ >= 0) ::close(fd_);
}

CursorResult<CursorFile> CursorFile::open(const std::string& path, std::string_view url) {
  CursorFile file(resolve(path), std::string(url), -1);
  // Again where another process replaced or created the file at the same time.
  for (;;) {
    file.fd_ = ::open(file.path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd_ < 0) {
      if (errno != ENOENT) return failed("open", path, errno);
      const CursorResult<bool> created = create(file);
      if (!created) return created.error();
      continue;
    }
    struct stat status {};
    if (::fstat(file.fd_, &status) == 0 && !S_ISREG(status.st_mode)) {
      return CursorError{fmt::format("the cursor {} is {}", path,
                                     S_ISDIR(status.st_mode) ? "a folder: name a file" : "no regular file")};
    }
    if (::flock(file.fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed("lock", path, errno);
      return CursorError{
          fmt::format("the cursor {} is in use by another wstap: give each one a file of its own", path)};
    }
    if (same_file(file.fd_, file.path_)) break;
    ::close(std::exchange(file.fd_, -1));
  }
  if (::access(file.path_.c_str(), W_OK) != 0) return failed("write", path, errno);
  if (const CursorResult<void> read = file.read(); !read) return read.error();
  return file;
}

// Linked into place when it is whole, so that nobody ever finds an empty one.
CursorResult<bool> CursorFile::create(const CursorFile& file) {
  const std::string beside = fmt::format("{}.{}.new", file.path_, ::getpid());
  int fd = -1;
  const CursorResult<void> written = file.write(beside, file.encode(std::nullopt), fd);
  if (!written) return written.error();
  const bool linked = ::link(beside.c_str(), file.path_.c_str()) == 0;
  const int error = errno;
  ::unlink(beside.c_str());
  ::close(fd);
  if (!linked && error != EEXIST) return failed("create", file.path_, error);
  return linked;
}

CursorResult<void> CursorFile::read() {
  const auto damaged = [this](std::string_view why) {
    return CursorError{
        fmt::format("{} is no cursor that can be gone on from: {}. Give another file, or remove this one to "
                    "begin without it",
                    path_, why),
        true};
  };
  std::string text;
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return failed("read", path_, errno);
  text.resize(static_cast<std::size_t>(status.st_size));
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::pread(fd_, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", path_, errno);
    if (count == 0) return damaged("it ends too early");
    done += static_cast<std::size_t>(count);
  }
  protocol::JsonScanner scanner(text);
  protocol::FieldSlices<Field, 5> fields;
  if (text.empty()) return damaged("it is empty");
  slice_fields(scanner, kFields, fields);
  if (!scanner.finish()) {
    return damaged(fmt::format("at byte {}, {}", scanner.fault().position, scanner.fault().reason));
  }
  if (fields[Field::kWskit] != R"("cursor")") return damaged("it is not one that wstap wrote");
  if (fields[Field::kVersion] != kVersion) {
    return damaged(
        fmt::format("it has version {}, and this wstap knows {}", fields[Field::kVersion], kVersion));
  }
  saved_url_ = text_of(fields[Field::kUrl]).value_or("");
  if (!fields.has(Field::kSince)) return {};
  const auto since = protocol::parse_since(fields[Field::kSince], protocol::SystemMicros{});
  if (!since) return damaged(since.error().message);
  const auto* positions = std::get_if<FromPositions>(&*since);
  if (positions == nullptr) return damaged("its \"since\" has no positions");
  since_ = *positions;
  return {};
}

std::string CursorFile::encode(const std::optional<FromPositions>& since) const {
  std::string text = fmt::format(R"({{"wskit":"cursor","version":{},"url":)", kVersion);
  protocol::append_json_string(text, url_);
  text += fmt::format(R"(,"saved":"{}")", protocol::Timestamp::now().text());
  if (since) text += fmt::format(",\"since\":{}", protocol::to_json(*since));
  text += "}\n";
  return text;
}

CursorResult<void> CursorFile::write(const std::string& path, std::string_view text, int& fd) const {
  fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) return failed("write", path_, errno);
  // Before it is in its place, where another process might be first.
  int error = ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  if (error == 0) error = write_all(fd, text);
  if (error == 0) return {};
  ::close(std::exchange(fd, -1));
  ::unlink(path.c_str());
  return failed("write", path_, error);
}

CursorResult<void> CursorFile::save(const FromPositions& since) {
  const std::string beside = path_ + ".new";
  int fd = -1;
  const CursorResult<void> written = write(beside, encode(since), fd);
  if (!written) return written.error();
  if (::rename(beside.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    ::close(fd);
    return failed("replace", path_, error);
  }
  ::close(std::exchange(fd_, fd));
  sync_folder(path_);
  return {};
}

}  // namespace wskit::tap
