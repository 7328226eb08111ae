#include "wsserve/limits/usage_table.h"

#include <algorithm>

namespace wskit::server {
namespace {

// Whether only the table holds it. Under the stripe's lock nobody else can begin to.
bool is_held(const UsagePtr& usage) { return usage.use_count() > 1; }

bool makes_a_difference(const Usage& usage, Clock::time_point now) {
  const auto emptied = [now](const SharedTokenBucket& bucket) { return !bucket.is_full(now); };
  return emptied(usage.new_connections) || emptied(usage.requests) || emptied(usage.commands) ||
         emptied(usage.events);
}

}  // namespace

UsagePtr UsageTable::find(std::string_view key, Clock::time_point now) {
  const std::size_t hash = TextHash()(key);
  Stripe& stripe = stripes_.at((hash >> 32) % kStripes);
  const std::lock_guard lock(stripe.mutex);
  if (const auto known = stripe.entries.find(key); known != stripe.entries.end()) return known->second;
  if (stripe.entries.size() >= stripe.sweep_at) {
    std::erase_if(stripe.entries, [&](const auto& entry) {
      return !is_held(entry.second) && !makes_a_difference(*entry.second, now);
    });
    if (stripe.entries.size() >= stripe.sweep_at) {
      std::erase_if(stripe.entries, [](const auto& entry) { return !is_held(entry.second); });
    }
    stripe.sweep_at = 2 * stripe.entries.size() + kMaxIdle / kStripes;
  }
  auto usage = std::make_shared<Usage>();
  stripe.entries.emplace(key, usage);
  return usage;
}

void UsageTable::sweep(Clock::time_point now) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    std::erase_if(stripe.entries, [&](const auto& entry) {
      return !is_held(entry.second) && !makes_a_difference(*entry.second, now);
    });
  }
}

std::size_t UsageTable::size() const {
  std::size_t size = 0;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    size += stripe.entries.size();
  }
  return size;
}

PlacePtr Place::take(const UsagePtr& usage, Kind kind, std::size_t most) {
  PlacePtr place(new Place(usage, kind));
  const std::size_t before = place->count().fetch_add(1, std::memory_order_relaxed);
  // Given back again by its end.
  if (most != 0 && before >= most) return nullptr;
  return place;
}

}  // namespace wskit::server
