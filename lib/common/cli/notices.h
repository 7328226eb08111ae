// What a tool says besides its records: one line each on stderr, under its name.
//
//     wstap: connected to ws://127.0.0.1:9000/ws (2 channels)
//
// Threads: one.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/cli/color.h"

namespace wskit::cli {

enum class LogFormat : std::uint8_t { kText, kJson };

struct NoticeOptions {
  int quiet = 0;    // 1: no notices; 2: no errors either
  int verbose = 0;  // 1: log lines of level info; 2: debug too
  LogFormat format = LogFormat::kText;
  ColorMode color = ColorMode::kAuto;
};

class Notices {
 public:
  // Writes to `fd`, which stays the caller's.
  explicit Notices(std::string tool, int fd = 2);
  ~Notices();
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  void configure(const NoticeOptions& options);
  [[nodiscard]] const NoticeOptions& options() const { return options_; }

  // What ends the run, or would if the user knew. Silenced by -qq.
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.quiet < 2) write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
  }
  // What the user must know though the run goes on: a gap. Silenced by -qq.
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.quiet < 2) write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
  // How the run goes. Silenced by -q.
  template <class... Args>
  void notice(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.quiet < 1) write(Level::kNotice, fmt::format(format, std::forward<Args>(args)...));
  }
  // That all goes well, which a terminal is told and a log is not: there only with -v
  // or --log-format json. Silenced by -q.
  template <class... Args>
  void progress(fmt::format_string<Args...> format, Args&&... args) {
    if (tells_progress()) notice(format, std::forward<Args>(args)...);
  }
  [[nodiscard]] bool tells_progress() const {
    return terminal_ || options_.verbose > 0 || options_.format == LogFormat::kJson;
  }
  // Said because the user asked (SIGUSR1, --stats): never silenced.
  template <class... Args>
  void answer(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::kNotice, fmt::format(format, std::forward<Args>(args)...));
  }
  // A line for programs, as it is: never silenced.
  void record(std::string_view line) { put(line); }
  // Log lines with time and level, for -v and -vv.
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.verbose >= 1) log(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.verbose >= 2) log(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }

  // Whether a live line can be shown: stderr is a terminal that is not `dumb`,
  // and notices are text and not silenced.
  [[nodiscard]] bool shows_status() const;

  // Replaces the live line at the bottom of the terminal; without effect where
  // shows_status() is false. Notices appear above it. Empty: removes it.
  void set_status(std::string_view line);

 private:
  enum class Level : std::uint8_t { kError, kWarning, kNotice, kInfo, kDebug };
  class Log;

  void write(Level level, std::string_view message);
  void log(Level level, std::string_view message);
  void put(std::string_view line);

  std::string tool_;
  int fd_;
  NoticeOptions options_;
  bool colored_ = false;
  bool live_ = false;
  bool terminal_ = false;
  std::string status_;  // what the terminal's last line shows now
  std::size_t status_columns_ = 0;
  std::unique_ptr<Log> log_;
};

}  // namespace wskit::cli
