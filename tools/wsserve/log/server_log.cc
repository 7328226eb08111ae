#include "wsserve/log/server_log.h"

#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "common/cli/text_width.h"

namespace wskit::server {
namespace {

// Some seconds of a busy -vv.
constexpr std::size_t kQueueLines = 8'192;
// How long a pipe that nobody reads is waited for before lines are given up.
constexpr int kPatienceMs = 1'000;
constexpr std::size_t kMaxMessageBytes = 500;

struct Words {
  const char* name;
  const char* what;
};

constexpr std::array<Words, kTroubles> kWords{{
    {"token", "refused for want of a right token"},
    {"permission", "refused for want of permission"},
    {"origin", "refused the page of an origin that --origin does not allow"},
    {"connection_limit", "turned away by a limit on connections"},
    {"subscription_limit", "refused by a limit on subscriptions or channels"},
    {"rate_limit", "refused by a limit on rates"},
    {"slow_consumer", "closed a slow consumer"},
    {"handshake", "closed a connection that did not come to a request in time"},
    {"tls", "a TLS handshake failed"},
    {"proxy_header", "closed a connection whose PROXY header was none"},
    {"too_large", "refused for its size"},
    {"storm", "many connections came at once"},
    {"exception", "an exception was caught"},
    {"lost_lines", "lines of this log are missing, for stderr did not take them"},
}};

const Words& words(Trouble kind) { return kWords.at(static_cast<std::size_t>(kind)); }

// What was cut off in the middle of a character becomes U+FFFD.
std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Whole lines only; what a full pipe does not take for kPatienceMs is lost.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    line.push_back('\n');
    if (!write({line.data(), line.size()})) lost_.fetch_add(1, std::memory_order_relaxed);
  }
  void flush_() override {}

 private:
  bool write(std::string_view line) {
    while (!line.empty()) {
      // A pipe may be a blocking one: it is asked first.
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      const int answer = ::poll(&ready, 1, stuck_ ? 0 : kPatienceMs);
      if (answer < 0 && errno == EINTR) continue;
      stuck_ = answer == 0;
      if (answer <= 0) return false;
      const ssize_t written = ::write(fd_, line.data(), line.size());
      if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (written > 0) line.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  const int fd_;
  bool stuck_ = false;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace

// The queue, its thread and what it writes to.
class ServerLog::Writer {
 public:
  Writer(const cli::NoticeOptions& options, int fd)
      : json_(options.format == cli::LogFormat::kJson),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
        sink_(std::make_shared<FdSink>(fd)),
        logger_(std::make_shared<spdlog::async_logger>("wsserve", sink_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(spdlog::level::trace);
    if (json_) {
      set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","tool":"%n",%v})");
    } else if (options.verbose == 0) {
      set_pattern("%n: %v");
    } else {
      set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %n: %v");
    }
  }

  // The thread ends, with all that waits, before what it writes with does.
  ~Writer() { pool_.reset(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(spdlog::level::level_enum level, std::string_view message, std::string_view members) {
    const std::string clean = cli::printable(message.substr(0, kMaxMessageBytes));
    const std::string text = json_ ? fmt::format(R"("message":{}{})", json_string(clean), members) : clean;
    logger_->log(level, spdlog::string_view_t(text));
  }

  [[nodiscard]] std::uint64_t lost() const { return sink_->lost() + pool_->overrun_counter(); }

 private:
  void set_pattern(const char* pattern) {
    logger_->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, ""));
  }

  const bool json_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<FdSink> sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

ServerLog::ServerLog(const cli::NoticeOptions& options, int fd)
    : options_(options), writer_(std::make_unique<Writer>(options, fd)) {}

ServerLog::~ServerLog() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kTroubles; ++i) {
    if (tallies_.at(i).untold > 0) tell(static_cast<Trouble>(i), tallies_.at(i), Clock::now());
  }
}

std::uint64_t ServerLog::lost() const { return writer_->lost(); }

void ServerLog::trouble(Trouble kind, std::string_view detail, Clock::time_point now) {
  if (options_.quiet >= 2) return;
  const std::lock_guard lock(mutex_);
  Tally& tally = tallies_.at(static_cast<std::size_t>(kind));
  ++tally.untold;
  tally.last = detail;
  if (tally.told == Clock::time_point{} || now - tally.told >= kQuiet) tell(kind, tally, now);
}

void ServerLog::look(std::uint64_t accepted, Clock::time_point now) {
  if (storm_since_ == Clock::time_point{}) storm_since_ = now;
  if (now - storm_since_ >= kQuiet) {
    const std::uint64_t came = accepted - accepted_then_;
    if (came >= kStormConnections) {
      trouble(Trouble::kStorm,
              fmt::format("{} connections within {} s", came,
                          std::chrono::duration_cast<std::chrono::seconds>(now - storm_since_).count()),
              now);
    }
    storm_since_ = now;
    accepted_then_ = accepted;
  }
  // A line that tells it may be lost itself, and is one more of them.
  const std::uint64_t lost = writer_->lost();
  if (lost > lost_then_ && (lost_told_ == Clock::time_point{} || now - lost_told_ >= kQuiet)) {
    trouble(Trouble::kLostLines, fmt::format("{} of them, {} since the start", lost - lost_then_, lost), now);
    lost_then_ = lost;
    lost_told_ = now;
  }
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kTroubles; ++i) {
    Tally& tally = tallies_.at(i);
    if (tally.untold > 0 && now - tally.told >= kQuiet) tell(static_cast<Trouble>(i), tally, now);
  }
}

void ServerLog::tell(Trouble kind, Tally& tally, Clock::time_point now) {
  const std::uint64_t times = std::exchange(tally.untold, 0);
  const std::string more = times == 1 ? "" : fmt::format(" ({} times; this is the last)", times);
  tally.told = now;
  write(Level::kWarning, fmt::format("{}: {}{}", words(kind).what, tally.last, more),
        fmt::format(R"(,"kind":"{}","count":{})", words(kind).name, times));
}

void ServerLog::write(Level level, std::string_view message, std::string_view members) {
  static constexpr std::array kLevels{spdlog::level::warn, spdlog::level::info, spdlog::level::debug};
  writer_->write(kLevels.at(static_cast<std::size_t>(level)), message, members);
}

}  // namespace wskit::server
