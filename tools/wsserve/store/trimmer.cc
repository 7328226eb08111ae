#include "wsserve/store/trimmer.h"

#include <algorithm>
#include <new>

#include "wsserve/store/row_id.h"

namespace wskit::server::store {
namespace {

// Rows are deleted by the page rather than one by one.
constexpr std::uint64_t kLeastRows = 256;
constexpr std::size_t kSweepChannels = 2'000;

std::int64_t micros(protocol::SystemMicros time) { return time.time_since_epoch().count(); }

bool within(const Mark& oldest, const ChannelState& state, const HistoryLimits& limits,
            protocol::SystemMicros now) {
  if (state.bytes - oldest.bytes_before > limits.max_bytes) return false;
  if (limits.max_age.count() <= 0) return true;
  return oldest.received != protocol::SystemMicros::min() && now - oldest.received <= limits.max_age;
}

}  // namespace

Trimmer::Trimmer(Database& database, const AgeClock& ages)
    : ages_(ages),
      mark_(database,
            "SELECT id, bytes_before, received FROM events WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"),
      delete_(database, "DELETE FROM events WHERE id BETWEEN ? AND ?"),
      note_gone_(database, "UPDATE channels SET gone = ?, gone_received = ? WHERE id = ?") {}

Mark Trimmer::mark_at(StoredChannel& channel, std::uint64_t offset) {
  Mark mark{.offset = channel.state().newest + 1,
            .bytes_before = channel.state().bytes,
            .received = protocol::SystemMicros::max()};
  if (offset > channel.state().newest) return mark;
  mark_.bind(1, row_id(channel.id(), offset));
  mark_.bind(2, row_id(channel.id(), channel.state().newest));
  if (mark_.step()) {
    mark = {.offset = offset_of(mark_.number(0)),
            .bytes_before = static_cast<std::uint64_t>(mark_.number(1)),
            .received = protocol::SystemMicros(std::chrono::microseconds(mark_.number(2)))};
    mark_.reset();
  }
  return mark;
}

// The first event from which on all is within the limits of bytes and age, looked
// for in growing steps, for most of the time it is near.
std::uint64_t Trimmer::oldest_within(StoredChannel& channel, const HistoryLimits& limits,
                                     protocol::SystemMicros now) {
  ChannelState& state = channel.state();
  std::uint64_t low = std::max(channel.oldest(), state.known.offset);  // perhaps not within
  if (within(state.known, state, limits, now)) return low;
  state.known = mark_at(channel, low);
  if (within(state.known, state, limits, now)) return low;
  std::uint64_t step = 1;
  std::uint64_t high = low + 1;  // the search ends here at the latest
  while (high <= state.newest && !within(mark_at(channel, high), state, limits, now)) {
    low = high;
    step *= 2;
    high += step;
  }
  high = std::min(high, state.newest + 1);
  while (low + 1 < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    (within(mark_at(channel, middle), state, limits, now) ? high : low) = middle;
  }
  state.known = mark_at(channel, high);
  return high;
}

void Trimmer::advance(StoredChannel& channel, protocol::SystemMicros now) {
  ChannelState& state = channel.state();
  const HistoryLimits limits = channel.retention().history;
  std::uint64_t oldest = channel.oldest();
  if (state.newest + 1 - oldest > limits.max_events) oldest = state.newest + 1 - limits.max_events;
  if (oldest != channel.oldest()) channel.let_go_before(oldest);
  if (oldest <= state.newest) {
    oldest = oldest_within(channel, limits, ages_.now_for(limits.max_age, now));
    if (oldest != channel.oldest()) channel.let_go_before(oldest);
  }
  note_due(channel, now, kLeastRows);
}

bool Trimmer::sweep(protocol::SystemMicros now) {
  const std::size_t end = std::min(channels_.size(), swept_ + kSweepChannels);
  for (; swept_ != end; ++swept_) {
    StoredChannel& channel = *channels_[swept_];
    advance(channel, now);
    note_due(channel, now, 1);
  }
  if (swept_ != channels_.size()) return true;
  swept_ = 0;
  return false;
}

std::uint64_t Trimmer::keep_from(StoredChannel& channel, protocol::SystemMicros now) {
  const DedupLimits limits = channel.retention().dedup;
  const auto held = channel.state().held_ids.oldest(ages_.now_for(limits.max_age, now), limits);
  return held ? std::min(*held, channel.oldest()) : channel.oldest();
}

void Trimmer::note_due(StoredChannel& channel, protocol::SystemMicros now, std::uint64_t least_rows) {
  ChannelState& state = channel.state();
  if (state.to_trim || channel.oldest() < state.floor + least_rows) return;
  if (keep_from(channel, now) < state.floor + least_rows) return;
  due_.push_back(&channel);
  state.to_trim = true;
}

// Should there be no memory, sweep() finds it again.
void Trimmer::keep_due(StoredChannel& channel) noexcept {
  try {
    due_.push_back(&channel);
  } catch (const std::bad_alloc&) {
    channel.state().to_trim = false;
  }
}

void Trimmer::delete_rows(std::uint64_t rows, protocol::SystemMicros now) {
  while (rows != 0 && !due_.empty()) {
    StoredChannel& channel = *due_.front();
    const std::uint64_t floor = channel.state().floor;
    const std::uint64_t end = std::min(keep_from(channel, now), floor + rows);
    // Noted first, so that a failure below leaves the channel on the list.
    deletions_.push_back({&channel, std::max(floor, end), channel.deleted_received()});
    due_.pop_front();
    if (end <= floor) continue;
    const Mark last = mark_at(channel, end - 1);
    deletions_.back().received = last.received;
    delete_.bind(1, row_id(channel.id(), floor));
    delete_.bind(2, row_id(channel.id(), end - 1));
    delete_.run();
    note_gone_.bind(1, static_cast<std::int64_t>(end - 1));
    note_gone_.bind(2, micros(last.received));
    note_gone_.bind(3, channel.id());
    note_gone_.run();
    rows -= end - floor;
  }
}

void Trimmer::committed(protocol::SystemMicros now) {
  for (const Deletion& each : deletions_) {
    ChannelState& state = each.channel->state();
    state.floor = each.floor;
    each.channel->set_deleted_received(each.received);
    state.to_trim = state.floor < keep_from(*each.channel, now);
    if (state.to_trim) keep_due(*each.channel);
  }
  deletions_.clear();
}

void Trimmer::rolled_back() noexcept {
  for (const Deletion& each : deletions_) keep_due(*each.channel);
  deletions_.clear();
}

}  // namespace wskit::server::store
