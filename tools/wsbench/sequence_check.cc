#include "wsbench/sequence_check.h"

#include <algorithm>

namespace wskit::bench {

SequenceCheck::Verdict SequenceCheck::accept_other(std::uint64_t sequence) {
  if (sequence % step_ != expected_ % step_) return Verdict::kForeign;
  if (sequence > expected_) {
    missing_.emplace_back(expected_, sequence);
    expected_ = sequence + step_;
    return Verdict::kAhead;
  }
  const auto range = std::find_if(missing_.begin(), missing_.end(), [sequence](const auto& candidate) {
    return candidate.first <= sequence && sequence < candidate.second;
  });
  if (range == missing_.end()) {
    ++duplicates_;
    return Verdict::kDuplicate;
  }
  ++reordered_;
  const auto [from, to] = *range;
  const std::uint64_t after = sequence + step_;
  if (from == sequence && after == to) {
    missing_.erase(range);
  } else if (from == sequence) {
    range->first = after;
  } else {
    range->second = sequence;
    if (after != to) missing_.insert(range + 1, {after, to});
  }
  return Verdict::kLate;
}

std::uint64_t SequenceCheck::lost(std::uint64_t end) const {
  std::uint64_t lost = end > expected_ ? (end - expected_ + step_ - 1) / step_ : 0;
  for (const auto& [from, to] : missing_) lost += (to - from) / step_;
  return lost;
}

}  // namespace wskit::bench
