#include "wsserve/store/held_ids.h"

namespace wskit::server::store {
namespace {

constexpr int kBlocks = 16;

}  // namespace

void HeldIds::add(std::uint64_t offset, protocol::SystemMicros received, const DedupLimits& limits,
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

std::optional<std::uint64_t> HeldIds::oldest(protocol::SystemMicros now, const DedupLimits& limits) {
  while (!blocks_.empty() &&
         (now - blocks_.front().last > limits.max_age || ids_ - blocks_.front().ids >= limits.max_ids)) {
    ids_ -= blocks_.front().ids;
    blocks_.pop_front();
  }
  if (blocks_.empty()) return std::nullopt;
  return blocks_.front().first_offset;
}

}  // namespace wskit::server::store
