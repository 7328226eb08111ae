// Moves timestamps by one distance, so that the first one becomes a chosen moment.
//
// Threads: one.
#pragma once

#include <optional>
#include <string_view>

#include "common/protocol/timestamp.h"

namespace wskit::pub {

class TimeShift {
 public:
  // `target`: what the first timestamp becomes; nothing: the moment at which it comes.
  explicit TimeShift(std::optional<protocol::SystemMicros> target) : target_(target) {}

  // The text of `time` moved, valid until the next call. `pass_shift` comes on
  // top (Replay::pass_shift).
  [[nodiscard]] std::string_view apply(protocol::SystemMicros time, protocol::SystemMicros now,
                                       std::chrono::microseconds pass_shift) {
    if (!shift_) shift_ = target_.value_or(now) - time;
    return writer_.write(time + *shift_ + pass_shift);
  }

 private:
  std::optional<protocol::SystemMicros> target_;
  std::optional<std::chrono::microseconds> shift_;
  protocol::TimestampWriter writer_;
};

}  // namespace wskit::pub
