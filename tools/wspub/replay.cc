#include "wspub/replay.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace wskit::pub {
namespace {

using std::chrono::nanoseconds;

// Of a recording in which no time passes, when it begins again.
constexpr std::chrono::seconds kGapOfOneMoment{1};

// Longer than any recording, and far from where nanoseconds end.
constexpr std::chrono::years kLongest{100};

nanoseconds scaled(nanoseconds time, double factor) {
  // Whose 64 bits hold every nanosecond of a century.
  const long double scaled = static_cast<long double>(time.count()) * factor;
  return nanoseconds{std::llround(std::min(scaled, static_cast<long double>(nanoseconds(kLongest).count())))};
}

}  // namespace

Replay::Replay(Options options) : options_(options) {
  longest_gap_ = options_.max_gap && !std::isinf(options_.speed) ? scaled(*options_.max_gap, options_.speed)
                                                                 : Duration(kLongest);
}

Replay::Clock::time_point Replay::place(protocol::SystemMicros time, Clock::time_point now) {
  if (!started_) {
    start(time, now);
  } else if (std::exchange(beginning_again_, false)) {
    const auto gap = mean_gap();
    advance(gap);
    pass_shift_ += latest_ - time + gap;
    first_ = latest_ = time;
    steps_ = 0;
  } else if (time < latest_) {
    ++out_of_order_;
  } else {
    advance(time - latest_);
    latest_ = time;
    ++steps_;
  }
  return std::isinf(options_.speed) ? start_ : start_ + scaled(played_, 1 / options_.speed);
}

void Replay::start(protocol::SystemMicros time, Clock::time_point now) {
  started_ = true;
  start_ = now;
  first_ = latest_ = time;
}

// Times that are centuries apart, as bad ones may be, must not overflow.
void Replay::advance(std::chrono::microseconds gap) {
  const auto bounded = std::min<Duration>(std::min<std::chrono::microseconds>(gap, kLongest), longest_gap_);
  played_ = std::min<Duration>(played_ + bounded, kLongest);
}

void Replay::went(Clock::time_point due, Clock::time_point now) {
  if (now - due > kMaxLag) start_ += now - due;
}

void Replay::begin_again() { beginning_again_ = started_; }

std::chrono::microseconds Replay::mean_gap() const {
  return latest_ == first_ ? kGapOfOneMoment : (latest_ - first_) / steps_;
}

}  // namespace wskit::pub
