#include "wspub/line_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace wskit::pub {
namespace {

// Of a file that is followed, kept to be compared with what stands there later.
constexpr std::size_t kSeenBytes = 256;

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

LineSource::LineSource(boost::asio::io_context& io, SourceOptions options, Witness witness)
    : options_(std::move(options)),
      witness_(std::move(witness)),
      splitter_(options_.separator, options_.max_line_bytes),
      readable_(io),
      watch_(io) {
  if (options_.files.empty() && options_.messages.empty()) options_.files.emplace_back("-");
}

LineSource::~LineSource() { close_current(); }

LineSource::Item LineSource::fail(std::string message) {
  close_current();
  next_file_ = options_.files.size();
  error_ = std::move(message);
  return {.kind = Kind::kFailed};
}

LineSource::Item LineSource::next_message() {
  if (!reading_ || next_message_ == options_.messages.size()) return {.kind = Kind::kEnd};
  const std::string& text = options_.messages[next_message_++];
  if (witness_.bytes) {
    witness_.bytes(text);
    witness_.bytes(options_.separator == Separator::kNul ? std::string_view("\0", 1) : "\n");
  }
  if (witness_.end) witness_.end();
  const Kind kind = text.size() > options_.max_line_bytes ? Kind::kTooLong : Kind::kRecord;
  return {.kind = kind, .text = text, .number = ++records_};
}

LineSource::Item LineSource::number(RecordSplitter::Item item) {
  switch (item.kind) {
    case RecordSplitter::Kind::kRest:
      return {.kind = Kind::kRest, .text = item.text, .number = records_, .last = item.last};
    case RecordSplitter::Kind::kTooLong:
      return {.kind = Kind::kTooLong, .text = item.text, .number = ++records_, .last = item.last};
    default:
      return {.kind = Kind::kRecord, .text = item.text, .number = ++records_};
  }
}

LineSource::Item LineSource::next() {
  if (put_back_) return *std::exchange(put_back_, std::nullopt);
  if (!options_.messages.empty()) return next_message();
  while (true) {
    if (fd_ >= 0) {
      if (const auto item = splitter_.next(); item.kind != RecordSplitter::Kind::kNeedMore)
        return number(item);
      if (input_over_) close_current();
    }
    if (!reading_) return {.kind = Kind::kEnd};
    if (fd_ < 0) {
      if (next_file_ == options_.files.size()) return {.kind = Kind::kEnd};
      if (!open_next()) return {.kind = Kind::kFailed};
    }
    if (!readable_.now()) return {.kind = Kind::kWait};
    const std::span<char> room = splitter_.writable();
    const ssize_t count = ::read(fd_, room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return {.kind = Kind::kWait};
    if (count < 0) {
      const std::string name = inputs_.back().name.empty() ? "stdin" : inputs_.back().name;
      return fail(fmt::format("cannot read {}: {}", name, reason(errno)));
    }
    if (count == 0) {
      if (follows_current()) {
        if (!begins_anew()) return {.kind = Kind::kWait};
        // What was written between that read and this look is still to be read.
        if (!std::exchange(last_read_, true)) continue;
        --next_file_;
      }
      end_input();
      continue;
    }
    const std::string_view bytes(room.data(), static_cast<std::size_t>(count));
    if (follows_current() && !is_as_it_was_read()) {
      --next_file_;
      end_input();
      continue;
    }
    take(bytes);
  }
}

void LineSource::take(std::string_view bytes) {
  if (witness_.bytes) witness_.bytes(bytes);
  bytes_read_ += bytes.size();
  splitter_.commit(bytes.size());
  if (!follows_current()) return;
  seen_ += bytes.substr(bytes.size() - std::min(bytes.size(), kSeenBytes));
  seen_.erase(0, seen_.size() - std::min(seen_.size(), kSeenBytes));
}

void LineSource::end_input() {
  input_over_ = true;
  if (witness_.end) witness_.end();
  splitter_.finish();
}

bool LineSource::open_next() {
  const std::string& name = options_.files[next_file_++];
  owned_ = name != "-";
  inputs_.push_back({owned_ ? name : std::string(), records_});
  // A named pipe is not waited for in open(), where no signal would be heard.
  fd_ = owned_ ? ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : options_.stdin_fd;
  if (fd_ < 0) {
    std::ignore = fail(fmt::format("cannot open {}: {}", name, reason(errno)));
    return false;
  }
  input_over_ = false;
  splitter_.begin_input();
  last_read_ = false;
  bytes_read_ = 0;
  seen_.clear();
  file_bytes_.reset();
  struct stat status {};
  inode_ = fstat(fd_, &status) == 0 ? status.st_ino : 0;
  if (inode_ != 0 && S_ISREG(status.st_mode)) {
    file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  if (!owned_ && file_bytes_) rewind_stdin();
  if (follows_current()) {
    if (!file_bytes_) {
      std::ignore = fail(fmt::format("cannot follow {}: it is no regular file", name));
      return false;
    }
    watch_.watch(name);
  }
  readable_.watch(fd_);
  return true;
}

bool LineSource::follows_current() const { return options_.follow && next_file_ == options_.files.size(); }

bool LineSource::begins_anew() const {
  struct stat open {};
  struct stat named {};
  if (fstat(fd_, &open) != 0 || ::stat(options_.files.back().c_str(), &named) != 0) return false;
  const bool replaced = open.st_ino != named.st_ino || open.st_dev != named.st_dev;
  return replaced || !is_as_it_was_read();
}

bool LineSource::is_as_it_was_read() const {
  std::array<char, kSeenBytes> now{};
  const ssize_t count =
      ::pread(fd_, now.data(), seen_.size(), static_cast<off_t>(bytes_read_ - seen_.size()));
  return count < 0 || std::string_view(now.data(), static_cast<std::size_t>(count)) == seen_;
}

void LineSource::rewind_stdin() {
  if (stdin_start_ < 0) {
    stdin_start_ = lseek(fd_, 0, SEEK_CUR);
  } else {
    lseek(fd_, stdin_start_, SEEK_SET);
  }
}

void LineSource::read_before_last(const std::vector<std::string>& files) {
  options_.files.insert(options_.files.end() - 1, files.begin(), files.end());
}

void LineSource::begin_again() {
  next_message_ = 0;
  next_file_ = 0;
  // Lines of the passes before the last one are told without their file's name.
  if (inputs_.size() > options_.files.size()) {
    inputs_.erase(inputs_.begin(), inputs_.end() - static_cast<std::ptrdiff_t>(options_.files.size()));
  }
}

bool LineSource::is_regular(const std::string& name) const {
  struct stat status {};
  if (name == "-") return fstat(options_.stdin_fd, &status) == 0 && S_ISREG(status.st_mode);
  // What is not there is told when it is opened.
  return ::stat(name.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

bool LineSource::can_begin_again() const {
  return std::all_of(options_.files.begin(), options_.files.end(),
                     [this](const std::string& name) { return is_regular(name); });
}

bool LineSource::has_writer() const {
  if (!options_.messages.empty()) return false;
  if (fd_ >= 0) return !file_bytes_;
  return next_file_ < options_.files.size() && !is_regular(options_.files[next_file_]);
}

void LineSource::close_current() {
  readable_.watch(-1);
  if (owned_ && fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void LineSource::async_wait(std::function<void()> ready) {
  if (fd_ >= 0 && follows_current()) return watch_.async_wait(std::move(ready));
  readable_.async_wait(std::move(ready));
}

void LineSource::stop_reading() {
  reading_ = false;
  readable_.cancel();
  watch_.cancel();
}

std::uint64_t LineSource::abandon() {
  stop_reading();
  if (fd_ < 0) return 0;
  const bool readable_again = file_bytes_.has_value();
  std::uint64_t records = std::exchange(put_back_, std::nullopt) ? 1 : 0;
  splitter_.finish();
  while (true) {
    const auto item = splitter_.next();
    if (item.kind == RecordSplitter::Kind::kNeedMore) break;
    if (item.kind == RecordSplitter::Kind::kRecord && !item.text.empty()) ++records;
    if (item.kind == RecordSplitter::Kind::kTooLong) ++records;
  }
  close_current();
  return readable_again ? 0 : records;
}

std::string_view LineSource::noun() const {
  if (!options_.messages.empty()) return "message";
  return options_.separator == Separator::kNewline ? "line" : "record";
}

std::string LineSource::locate(std::uint64_t number) const {
  const auto after = std::upper_bound(inputs_.begin(), inputs_.end(), number,
                                      [](std::uint64_t n, const Input& input) { return n <= input.before; });
  if (after == inputs_.begin()) return fmt::format("{} {}", noun(), number);
  const Input& input = *std::prev(after);
  const std::string prefix = input.name.empty() ? "" : input.name + ": ";
  return fmt::format("{}{} {}", prefix, noun(), number - input.before);
}

std::optional<LineSource::Position> LineSource::position() const {
  if (fd_ < 0 || !file_bytes_ || *file_bytes_ == 0 || follows_current()) return std::nullopt;
  const double share = static_cast<double>(bytes_read_) / static_cast<double>(*file_bytes_);
  return Position{inputs_.back().name.empty() ? "stdin" : std::string_view(inputs_.back().name),
                  std::min(share, 1.0)};
}

bool LineSource::reads_terminal() const {
  if (!options_.messages.empty()) return false;
  const bool uses_stdin =
      std::find(options_.files.begin(), options_.files.end(), "-") != options_.files.end();
  return uses_stdin && isatty(options_.stdin_fd) == 1;
}

}  // namespace wskit::pub
