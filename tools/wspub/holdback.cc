#include "wspub/holdback.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace wskit::pub {
namespace {

constexpr client::BackoffRange kBackoff{std::chrono::milliseconds{100}, std::chrono::seconds{5}};

// A server that refuses again and again is asked ever more carefully, up to so
// many commands one by one; after so many acceptances all is forgotten.
constexpr std::uint64_t kMostAlone = 256;
constexpr std::uint64_t kForgottenAfter = 4096;

client::ReconnectPolicy policy_for_answers(client::ReconnectPolicy policy) {
  policy.backoff.first = std::min(policy.backoff.first, kBackoff.first);
  policy.backoff.cap = std::min(policy.backoff.cap, kBackoff.cap);
  policy.healthy_after = std::chrono::nanoseconds::zero();
  return policy;
}

}  // namespace

Holdback::Holdback(const client::ReconnectPolicy& policy, std::uint64_t seed)
    : plan_(policy_for_answers(policy), seed) {
  plan_.opened({});
}

std::size_t Holdback::limit() const {
  if (holding_) return 0;
  return refusing_ || alone_ > 0 ? 1 : std::numeric_limits<std::size_t>::max();
}

bool Holdback::refused(std::optional<std::chrono::nanoseconds> retry_after) {
  holding_ = true;
  if (retry_after) retry_after_ = std::max(retry_after_.value_or(*retry_after), *retry_after);
  if (std::exchange(refusing_, true)) return false;
  alone_ = alone_next_time_;
  alone_next_time_ = std::min(alone_next_time_ * 2, kMostAlone);
  accepted_since_ = 0;
  return true;
}

std::optional<std::chrono::nanoseconds> Holdback::wait(Time now) {
  client::ConnectFailure why;
  why.temporary = true;
  why.retry_after = std::exchange(retry_after_, std::nullopt);
  const auto wait = plan_.failed(why, now);
  if (wait) ++attempts_;
  return wait;
}

bool Holdback::accepted(Time now) {
  if (holding_) return false;  // it was on its way when another was refused
  attempts_ = 0;
  plan_.opened(now);
  if (alone_ > 0) {
    --alone_;
  } else if (++accepted_since_ == kForgottenAfter) {
    alone_next_time_ = 1;
  }
  return std::exchange(refusing_, false);
}

}  // namespace wskit::pub
