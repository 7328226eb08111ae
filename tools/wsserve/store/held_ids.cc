#include "wsserve/store/held_ids.h"

#include <algorithm>

namespace wskit::server::store {
namespace {

constexpr int kBlocks = 16;

}  // namespace

void HeldWindow::add(std::uint64_t offset, protocol::SystemMicros received, const DedupLimits& limits,
                     protocol::SystemMicros now) {
  if (blocks_.empty() || blocks_.back().ids > limits.max_ids / kBlocks ||
      received - blocks_.back().first > limits.max_age / kBlocks) {
    blocks_.push_back({offset, 0, received, received});
  }
  Block& block = blocks_.back();
  ++block.ids;
  block.last = received;
  ++ids_;
  // Nobody may ask for a long time.
  if (blocks_.size() > 4 * kBlocks) (void)oldest(now, limits);
}

std::optional<std::uint64_t> HeldWindow::oldest(protocol::SystemMicros now, const DedupLimits& limits) {
  while (!blocks_.empty() &&
         (now - blocks_.front().last > limits.max_age || ids_ - blocks_.front().ids >= limits.max_ids)) {
    ids_ -= blocks_.front().ids;
    blocks_.pop_front();
  }
  if (blocks_.empty()) return std::nullopt;
  return blocks_.front().first_offset;
}

void HeldIds::add(std::uint64_t offset, protocol::SystemMicros received, std::string_view producer,
                  const DedupLimits& limits, protocol::SystemMicros now) {
  if (producer.empty()) return ids_.add(offset, received, limits, now);
  if (producers_.empty() || producers_.front().name != producer) {
    if (const auto place = places_.find(producer); place != places_.end()) {
      producers_.splice(producers_.begin(), producers_, place->second);
    } else {
      producers_.push_front({std::string(producer), {}});
      places_.emplace(producers_.front().name, producers_.begin());
    }
  }
  producers_.front().sequences.add(offset, received, limits, now);
  while (producers_.size() > std::max<std::size_t>(limits.max_producers, 1)) {
    places_.erase(producers_.back().name);
    producers_.pop_back();
  }
}

std::optional<std::uint64_t> HeldIds::oldest(protocol::SystemMicros now, const DedupLimits& limits) {
  std::optional<std::uint64_t> oldest = ids_.oldest(now, limits);
  for (auto each = producers_.begin(); each != producers_.end();) {
    const auto held = each->sequences.oldest(now, limits);
    if (held) {
      oldest = std::min(*held, oldest.value_or(*held));
      ++each;
    } else {
      places_.erase(each->name);
      each = producers_.erase(each);
    }
  }
  return oldest;
}

}  // namespace wskit::server::store
