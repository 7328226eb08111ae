#include "wsserve/broker/history.h"

#include <algorithm>

namespace wskit::server {

History::~History() { budget_.give_back(bytes_); }

void History::append(ChunkPtr frame, protocol::SystemMicros received, const HistoryLimits& limits,
                     protocol::SystemMicros now) {
  entries_.push_back({std::move(frame), received});
  const std::size_t bytes = cost(entries_.back());
  bytes_ += bytes;
  budget_.take(bytes);
  keep_within(limits, now);
}

void History::trim(protocol::SystemMicros now, const HistoryLimits& limits) {
  keep_within(limits, now);
  entries_.shrink();
}

void History::shed() {
  const std::size_t kept = bytes_ / 2;
  while (!entries_.empty() && bytes_ > kept) {
    pop_oldest();
    if (!stored_) budget_.count_evicted(1);
  }
  entries_.shrink();
}

void History::let_go_of_all(protocol::SystemMicros received) {
  while (!entries_.empty()) {
    pop_oldest();
    if (!stored_) budget_.count_evicted(1);
  }
  newest_gone_ = received;
}

void History::keep_within(const HistoryLimits& limits, protocol::SystemMicros now) {
  while (!entries_.empty() && (entries_.size() > limits.max_events || bytes_ > limits.max_bytes))
    pop_oldest();
  if (limits.max_age.count() > 0) {
    while (!entries_.empty() && now - entries_.front().received > limits.max_age) pop_oldest();
  }
  // The channel that grows pays for it.
  while (!entries_.empty() && budget_.exceeded()) {
    pop_oldest();
    if (!stored_) budget_.count_evicted(1);
  }
}

void History::pop_oldest() {
  const Entry& entry = entries_.front();
  newest_gone_ = entry.received;
  bytes_ -= cost(entry);
  budget_.give_back(cost(entry));
  entries_.pop_front();
}

std::size_t History::count_since(protocol::SystemMicros time) const {
  // In order of arrival, so that the times ascend (but for a clock set back,
  // where more events are counted rather than fewer).
  const auto first =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.received >= time; });
  return static_cast<std::size_t>(entries_.end() - first);
}

void History::read(std::size_t count, std::size_t max_bytes, std::vector<ChunkPtr>& out) const {
  std::size_t bytes = 0;
  for (auto it = entries_.end() - static_cast<std::ptrdiff_t>(count); it != entries_.end(); ++it) {
    if (bytes > max_bytes) return;
    bytes += it->frame->size();
    out.push_back(it->frame);
  }
}

}  // namespace wskit::server
