// What the server says of those whom it serves, on stderr: by default what an operator
// must know, with -v who came, went and why, with -vv their commands.
//
// An operator's line tells of one kind of trouble. A kind tells at most one line in
// kQuiet; what happens meanwhile is counted, and the next line tells the number. Nothing
// here holds a token or an event's data, and no line holds a control character.
//
// Lines go through a queue of spdlog's to a thread of the log's own: nobody waits for
// stderr. Where the queue is full, its oldest lines are lost and counted, which a line tells
// once stderr takes lines again.
//
// Threads: any.
#pragma once

#include <fmt/core.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "common/cli/notices.h"

namespace wskit::server {

// One kind of trouble. Its name in JSON lines and its words are in server_log.cc.
enum class Trouble : std::uint8_t {
  kToken,
  kPermission,
  kOrigin,
  kConnectionLimit,
  kSubscriptionLimit,
  kRateLimit,
  kSlowConsumer,
  kHandshake,
  kTls,
  kProxyHeader,
  kTooLarge,
  kStorm,
  kException,
  kLostLines,
};
inline constexpr std::size_t kTroubles = 14;

class ServerLog {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kQuiet{10};
  // Connections that come within kQuiet and are a storm.
  static constexpr std::uint64_t kStormConnections = 1'000;

  // Writes to `fd`, which stays the caller's.
  explicit ServerLog(const cli::NoticeOptions& options, int fd = 2);
  // Writes what waits, as far as `fd` takes it.
  ~ServerLog();
  ServerLog(const ServerLog&) = delete;
  ServerLog& operator=(const ServerLog&) = delete;

  // Trouble has happened. `detail`: whose, and what of it, such as an address and a path.
  void trouble(Trouble kind, std::string_view detail, Clock::time_point now = Clock::now());

  // Tells what was counted and has waited for kQuiet, of lost lines and of a storm. `accepted`: the
  // connections that ever came. To be called each second or so, by one thread.
  void look(std::uint64_t accepted, Clock::time_point now = Clock::now());

  // Who came, went and why: -v.
  [[nodiscard]] bool tells_connections() const { return options_.verbose >= 1; }
  template <class... Args>
  void connection(fmt::format_string<Args...> format, Args&&... args) {
    if (tells_connections()) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  // Commands: -vv.
  [[nodiscard]] bool tells_commands() const { return options_.verbose >= 2; }
  template <class... Args>
  void command(fmt::format_string<Args...> format, Args&&... args) {
    if (tells_commands()) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }

  // How many lines were lost because stderr did not take them.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  enum class Level : std::uint8_t { kWarning, kInfo, kDebug };
  // What a kind has not told.
  struct Tally {
    Clock::time_point told{};
    std::uint64_t untold = 0;
    std::string last;
  };
  class Writer;

  void write(Level level, std::string_view message, std::string_view members = {});
  // REQUIRES: mutex_ held.
  void tell(Trouble kind, Tally& tally, Clock::time_point now);

  const cli::NoticeOptions options_;
  std::unique_ptr<Writer> writer_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::array<Tally, kTroubles> tallies_;
  // The thread of look().
  Clock::time_point storm_since_{};
  std::uint64_t accepted_then_ = 0;
  std::uint64_t lost_then_ = 0;
  Clock::time_point lost_told_{};
};

}  // namespace wskit::server
