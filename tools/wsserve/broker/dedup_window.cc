#include "wsserve/broker/dedup_window.h"

namespace wskit::server {
namespace {

std::size_t cost(std::string_view id) { return id.size() + DedupWindow::kOverheadBytes; }

}  // namespace

DedupWindow::~DedupWindow() { budget_.give_back(bytes_); }

std::optional<std::uint64_t> DedupWindow::find(std::string_view id, protocol::SystemMicros now,
                                               const DedupLimits& limits) {
  forget_old(now, limits);
  const auto known = offsets_.find(id);
  if (known == offsets_.end()) return std::nullopt;
  return known->second;
}

void DedupWindow::add(std::string_view id, std::uint64_t offset, protocol::SystemMicros now,
                      const DedupLimits& limits) {
  if (limits.max_ids == 0) return;
  const auto [entry, added] = offsets_.emplace(id, offset);
  if (!added) return;
  try {
    order_.push_back({entry->first, offset, now});
  } catch (...) {
    // An id that was not remembered is no duplicate.
    offsets_.erase(entry);
    throw;
  }
  bytes_ += cost(id);
  budget_.take(cost(id));
  keep_within(limits);
}

void DedupWindow::forget_from(std::uint64_t offset) {
  while (!order_.empty() && order_.back().offset >= offset) {
    erase(order_.back().id);
    order_.pop_back();
  }
}

void DedupWindow::expire(protocol::SystemMicros now, const DedupLimits& limits) {
  forget_old(now, limits);
  order_.shrink();
}

void DedupWindow::forget_old(protocol::SystemMicros now, const DedupLimits& limits) {
  keep_within(limits);
  while (!order_.empty() && now - order_.front().at > limits.max_age) forget_oldest();
}

void DedupWindow::keep_within(const DedupLimits& limits) {
  while (order_.size() > limits.max_ids) forget_oldest();
  // The channel that grows pays for it.
  while (!order_.empty() && budget_.exceeded()) {
    forget_oldest();
    budget_.count_evicted(1);
  }
}

void DedupWindow::forget_oldest() {
  erase(order_.front().id);
  order_.pop_front();
}

void DedupWindow::erase(std::string_view id) {
  bytes_ -= cost(id);
  budget_.give_back(cost(id));
  offsets_.erase(offsets_.find(id));
}

}  // namespace wskit::server
