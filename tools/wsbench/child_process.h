// A server that the benchmark starts, measures and stops.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wsbench/clock.h"
#include "wsbench/socket.h"

namespace wskit::bench {

// A command line in words, as a shell splits it: blanks, '…', "…", backslashes.
// Nothing else of a shell. Throws std::invalid_argument where a quote is not closed.
[[nodiscard]] std::vector<std::string> split_command(std::string_view command);

// Threads: one.
class ChildProcess {
 public:
  // Starts `words` pinned to `cpus` (empty: anywhere), with the hard limit of open
  // files, its stdout read by us and its stderr kept. It gets SIGTERM if we die.
  // Throws std::system_error where it cannot be run.
  ChildProcess(const std::vector<std::string>& words, const std::vector<int>& cpus);
  // Stops it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The first line of its stdout; nothing once `go_on`, which is asked every now and
  // then, says no. Throws std::runtime_error, with what it said on stderr, if none has
  // come by `timeout` or it has ended.
  [[nodiscard]] std::optional<std::string> first_line(
      Nanos timeout, const std::function<bool()>& go_on = [] { return true; });

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  // The end of what it has written to stderr.
  [[nodiscard]] std::string log() const;

  // SIGTERM, and SIGKILL to one that has not ended by then. Safe to call twice.
  void stop(Nanos grace = 5 * kSecond);

 private:
  pid_t pid_ = -1;
  Descriptor output_;
  Descriptor log_;
};

}  // namespace wskit::bench
