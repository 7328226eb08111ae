#include "common/cli/notices.h"

#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/cli/text_width.h"

namespace wskit::cli {
namespace {

// A notice must not end the run, so what cannot be written is dropped.
void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    const int answer = poll(&ready, 1, 1000);
    if (answer == 0 || (answer < 0 && errno != EINTR)) return;
  }
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool dumb_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return term != nullptr && std::string_view(term) == "dumb";
}

}  // namespace

// The lines of -v and -vv, and of --log-format json, through spdlog.
class Notices::Log {
 public:
  Log(Notices& notices, LogFormat format)
      : json_(format == LogFormat::kJson), logger_(notices.tool_, std::make_shared<Sink>(notices)) {
    const std::string pattern =
        json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","tool":"%n","message":%v})"
              : "%Y-%m-%dT%H:%M:%S.%fZ %l %n: %v";
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, ""));
    logger_.set_level(spdlog::level::trace);
  }

  void write(spdlog::level::level_enum level, std::string_view message) {
    const std::string text = json_ ? json_string(message) : std::string(message);
    logger_.log(level, spdlog::string_view_t(text));
  }

 private:
  class Sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
   public:
    explicit Sink(Notices& notices) : notices_(notices) {}

   protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      spdlog::memory_buf_t line;
      formatter_->format(message, line);
      notices_.put(std::string_view(line.data(), line.size()));
    }
    void flush_() override {}

   private:
    Notices& notices_;
  };

  bool json_;
  spdlog::logger logger_;
};

Notices::Notices(std::string tool, int fd) : tool_(std::move(tool)), fd_(fd) { configure({}); }

Notices::~Notices() { set_status({}); }

void Notices::configure(const NoticeOptions& options) {
  set_status({});
  options_ = options;
  colored_ = options.format == LogFormat::kText && use_color(options.color, fd_);
  terminal_ = is_terminal(fd_);
  live_ = terminal_ && !dumb_terminal();
  log_ = std::make_unique<Log>(*this, options.format);
}

void Notices::write(Level level, std::string_view message) {
  if (options_.format == LogFormat::kJson) return log(level, printable(message));
  std::string_view color;
  if (colored_ && level == Level::kError) color = "\x1b[1;31m";
  if (colored_ && level == Level::kWarning) color = "\x1b[1;33m";
  put(fmt::format("{}{}:{} {}", color, tool_, color.empty() ? "" : "\x1b[0m", printable(message)));
}

void Notices::log(Level level, std::string_view message) {
  static constexpr std::array kLevels = {spdlog::level::err, spdlog::level::warn, spdlog::level::info,
                                         spdlog::level::info, spdlog::level::debug};
  log_->write(kLevels.at(static_cast<std::size_t>(level)), printable(message));
}

bool Notices::shows_status() const {
  return live_ && options_.quiet == 0 && options_.format == LogFormat::kText;
}

void Notices::set_status(std::string_view line) {
  if (!live_ || (line == status_ && !line.empty())) return;
  if (line.empty() && status_.empty()) return;
  if (!line.empty() && !shows_status()) return;
  const auto width = static_cast<std::size_t>(std::max(terminal_width(fd_) - 1, 1));
  const std::string shown = clip(line, width);
  const std::size_t shown_columns = columns(shown);
  // Blanks instead of an erasing escape sequence: NO_COLOR promises none.
  std::string text = fmt::format("\r{}", shown);
  if (shown_columns < status_columns_) text.append(status_columns_ - shown_columns, ' ');
  // Whoever else writes to this terminal begins at its left edge, too.
  text += '\r';
  write_all(fd_, text);
  status_ = std::string(line);
  status_columns_ = shown_columns;
}

void Notices::put(std::string_view line) {
  const std::string status = std::exchange(status_, {});
  std::string text;
  if (status_columns_ > 0) text = fmt::format("\r{:{}}\r", "", status_columns_);
  status_columns_ = 0;
  text += line;
  text += '\n';
  write_all(fd_, text);
  if (!status.empty()) set_status(status);
}

}  // namespace wskit::cli
