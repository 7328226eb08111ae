// When each record of a recording is due, by the record's own time: a schedule
// from the first record on, so that no error adds up.
//
// Records whose time is before that of one that has gone go right behind the record
// before them. Knows no clock: the times are told.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/protocol/timestamp.h"

namespace wskit::pub {

class Replay {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    double speed = 1;                                 // infinity: as fast as it goes
    std::optional<std::chrono::nanoseconds> max_gap;  // the longest wait between two records
  };

  explicit Replay(Options options);

  // When the next record, of `time`, may go. The first one goes at `now`.
  [[nodiscard]] Clock::time_point place(protocol::SystemMicros time, Clock::time_point now);

  // A record that was due at `due` goes at `now`. One that is later than kMaxLag
  // (the server was away, the machine is too slow) shifts the schedule: the
  // recording keeps its rhythm, and no burst follows.
  void went(Clock::time_point due, Clock::time_point now);

  // The recording begins anew, behind its last record by the mean time between
  // two of its records.
  void begin_again();

  [[nodiscard]] bool started() const { return started_; }
  // The latest time of a record so far.
  [[nodiscard]] protocol::SystemMicros position() const { return latest_; }
  // What to add to the times of this pass so that they follow those of the first one.
  [[nodiscard]] std::chrono::microseconds pass_shift() const { return pass_shift_; }

  [[nodiscard]] std::uint64_t out_of_order() const { return out_of_order_; }

  static constexpr std::chrono::seconds kMaxLag{1};

 private:
  using Duration = std::chrono::nanoseconds;

  void start(protocol::SystemMicros time, Clock::time_point now);
  void advance(std::chrono::microseconds gap);
  [[nodiscard]] std::chrono::microseconds mean_gap() const;

  Options options_;
  Duration longest_gap_;  // max_gap in the recording's own time

  bool started_ = false;
  bool beginning_again_ = false;
  Clock::time_point start_{};
  Duration played_{};               // of the recording since then, with what was cut out of gaps left out
  protocol::SystemMicros first_{};  // of this pass
  protocol::SystemMicros latest_{};
  std::int64_t steps_ = 0;  // from one record to the next, in this pass
  std::chrono::microseconds pass_shift_{};

  std::uint64_t out_of_order_ = 0;
};

}  // namespace wskit::pub
