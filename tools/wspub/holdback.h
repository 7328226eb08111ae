// What "not now" from the server (UNAVAILABLE, RATE_LIMITED) does to publishing:
// nothing is sent for a while, then one command at a time until some have been
// accepted, so that what is refused anew cannot be overtaken by what is behind it.
//
// Knows no clock and no socket: the times are told.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/client/client_options.h"
#include "common/client/retry_plan.h"

namespace wskit::pub {

class Holdback {
 public:
  using Time = client::RetryPlan::Time;

  // `policy`: of the connection; its limits hold for the attempts here too.
  Holdback(const client::ReconnectPolicy& policy, std::uint64_t seed);

  // How many commands may be on their way now.
  [[nodiscard]] std::size_t limit() const;

  // A command was refused for now. True for the first one since the last
  // acceptance: the moment to tell.
  bool refused(std::optional<std::chrono::nanoseconds> retry_after);

  [[nodiscard]] bool holding() const { return holding_; }

  // Commands go one by one, or not at all.
  [[nodiscard]] bool careful() const { return holding_ || refusing_ || alone_ > 0; }

  // The wait before the next attempt, asked for when every answer has come;
  // nothing: give up.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> wait(Time now);
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }

  // The wait is over, or there is a new connection.
  void resume() { holding_ = false; }

  // A command was accepted. True for the first one after a refusal.
  bool accepted(Time now);

 private:
  client::RetryPlan plan_;
  bool holding_ = false;
  bool refusing_ = false;  // the last word was "not now"
  std::optional<std::chrono::nanoseconds> retry_after_;
  std::uint64_t attempts_ = 0;  // since the last acceptance
  std::uint64_t alone_ = 0;     // commands that are still to go one by one
  std::uint64_t alone_next_time_ = 1;
  std::uint64_t accepted_since_ = 0;  // since commands go together again
};

}  // namespace wskit::pub
