#include "common/client/retry_plan.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace wskit::client {
namespace {

// A server that asks for more means well and errs.
constexpr std::chrono::nanoseconds kLongestHint = std::chrono::minutes{5};

// How long a refusal that may be a mistake of the moment is tried again: a proxy is
// set up anew, a server comes up behind it.
constexpr std::chrono::nanoseconds kRefusalPatience = std::chrono::minutes{2};

}  // namespace

RetryPlan::RetryPlan(ReconnectPolicy policy, std::uint64_t seed)
    : policy_(std::move(policy)), backoff_(policy_.backoff, seed) {}

void RetryPlan::opened(Time now) {
  ever_opened_ = true;
  opened_at_ = now;
  refused_since_.reset();
}

std::optional<std::chrono::nanoseconds> RetryPlan::failed(const ConnectFailure& why, Time now) {
  const std::optional<Time> opened_at = std::exchange(opened_at_, std::nullopt);
  const bool healthy = opened_at && now - *opened_at >= policy_.healthy_after;
  if (healthy) {
    backoff_.reset();
    away_since_.reset();
  }
  if (std::exchange(progressed_, false) || healthy) hints_ = 0;
  if (!away_since_) away_since_ = now;
  const bool wanted = ever_opened_ ? policy_.enabled : policy_.initial;
  if (!wanted || !may_pass(why, now)) return std::nullopt;
  if (policy_.retries && backoff_.attempts() >= *policy_.retries) return std::nullopt;
  std::chrono::nanoseconds wait = backoff_.next();
  if (why.retry_after) {
    // A server that sends everybody away again and again means less well than it says.
    const bool again = hints_++ > 0;
    const std::chrono::nanoseconds hint = std::min(*why.retry_after, kLongestHint);
    wait = again ? std::min(hint + wait, kLongestHint) : hint;
  }
  if (policy_.max_time) {
    const std::chrono::nanoseconds left = *policy_.max_time - (now - *away_since_);
    if (left <= std::chrono::nanoseconds::zero()) return std::nullopt;
    wait = std::min(wait, left);
  }
  return wait;
}

bool RetryPlan::may_pass(const ConnectFailure& why, Time now) {
  if (why.temporary) return true;
  if (!why.passing || !ever_opened_) return false;
  if (!refused_since_) refused_since_ = now;
  return now - *refused_since_ < kRefusalPatience;
}

std::optional<std::chrono::nanoseconds> reconnect_hint(std::string_view reason) {
  constexpr std::string_view kBefore = "reconnect after ";
  constexpr std::string_view kAfter = " ms";
  // Alone, or behind what it is for.
  const std::size_t begin = reason.rfind(kBefore);
  if (begin == std::string_view::npos || !reason.ends_with(kAfter)) return std::nullopt;
  if (begin != 0 && !reason.substr(0, begin).ends_with("; ")) return std::nullopt;
  reason.remove_prefix(begin + kBefore.size());
  std::uint32_t wait = 0;
  const auto [end, error] = std::from_chars(reason.data(), reason.data() + reason.size(), wait);
  if (error != std::errc{} || std::string_view(end, reason.data() + reason.size()) != kAfter)
    return std::nullopt;
  return std::min<std::chrono::nanoseconds>(std::chrono::milliseconds{wait}, kLongestHint);
}

}  // namespace wskit::client
