#include "wsserve/channel/channel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/protocol/event.h"
#include "wsserve/channel/event_key.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

broker::Retention retention_of(const ChannelOptions& options) {
  return {.history = options.stored, .dedup = options.dedup};
}

}  // namespace

Accepted accepted_as(const broker::Receipt& receipt) {
  using Refusal = broker::Receipt::Refusal;
  return {.offset = receipt.offset,
          .duplicate = receipt.duplicate,
          .first = receipt.first,
          .ticket = receipt.ticket,
          .unavailable = receipt.refusal == Refusal::kUnavailable,
          .forgotten = receipt.refusal == Refusal::kForgotten,
          .oldest = receipt.oldest};
}

ShardState::~ShardState() = default;

Channel::Channel(std::string name, std::string_view epoch, const ChannelOptions& options, const Home& home,
                 std::uint64_t interested_shards)
    : name_(std::move(name)),
      home_(home),
      durable_(home.broker.keeps(name_, options.durable)),
      delivery_(options.delivery),
      finds_keys_(options.key != nullptr),
      has_routes_(options.routes != nullptr),
      options_(options),
      interested_shards_(interested_shards),
      history_(home.histories, durable_),
      used_(protocol::system_now()),
      local_(home.inboxes.size()) {
  // The log may bring events as soon as it is open.
  const std::lock_guard lock(mutex_);
  log_ = home_.broker.open({.channel = name_,
                            .epoch = epoch,
                            .durable = options.durable,
                            .retention = retention_of(options),
                            .shared = home_.shared,
                            .mutex = mutex_},
                           *this);
  const broker::Head head = log_->head();
  begin_epoch(head.epoch);
  offset_ = head.newest;
}

Channel::~Channel() = default;

void Channel::close() {
  const std::lock_guard lock(mutex_);
  log_->close();
}

void Channel::begin_epoch(std::string_view epoch) {
  epochs_.emplace_front(epoch);
  epoch_.store(&epochs_.front(), std::memory_order_release);
}

// --- Publishing ------------------------------------------------------------

Accepted Channel::publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                          const ProducerPtr& producer) {
  std::string key;
  broker::Draft draft = draft_of(event, received, producer, key);
  const std::lock_guard lock(mutex_);
  used_ = received.at;
  return append(draft);
}

Accepted Channel::append(broker::Draft& draft) {
  broker::Receipt receipt = log_->append(draft);
  if (receipt.frame != nullptr) {
    offset_ = receipt.offset;
    hand_over(std::move(receipt.frame), draft.received);
  }
  return accepted_as(receipt);
}

std::optional<Accepted> Channel::check_sequence(const Producer& producer, std::int64_t sequence,
                                                protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  const auto refused = log_->check_sequence(producer, sequence, now);
  if (!refused) return std::nullopt;
  return accepted_as(*refused);
}

broker::Draft Channel::draft_of(const protocol::PublishEvent& event, const ReceiveTime& received,
                                const ProducerPtr& producer, std::string& key) const {
  broker::Draft draft;
  draft.event.type = event.type;
  draft.event.channel = name_;
  draft.event.timestamp = event.timestamp.empty() ? received.text : event.timestamp;
  draft.event.key = find_key(event, key);
  draft.event.data = event.data;
  draft.by = recognition_of(event, producer);
  draft.received = received.at;
  return draft;
}

void Channel::hand_over(ChunkPtr frame, protocol::SystemMicros received) noexcept {
  for (std::uint64_t shards = interested_shards_; shards != 0; shards &= shards - 1) {
    home_.inboxes[static_cast<std::size_t>(std::countr_zero(shards))]->push(*this, frame);
  }
  try {
    history_.append(std::move(frame), received, options_.history, history_now(received));
  } catch (...) {
    // It has no holes: without memory for the newest event it begins anew behind it.
    history_.let_go_of_all(received);
  }
}

void Channel::shed_history() {
  const std::lock_guard lock(mutex_);
  history_.shed();
}

// --- The log -----------------------------------------------------------------

void Channel::appended(std::span<const broker::Entry> entries) noexcept {
  for (const broker::Entry& entry : entries) {
    offset_ = entry.frame->event.offset;
    hand_over(entry.frame, entry.received);
  }
}

void Channel::broken(const broker::Head& now) {
  begin_epoch(now.epoch);
  offset_ = now.newest;
  broken_at_.store(offset_, std::memory_order_release);
  history_.let_go_of_all(protocol::system_now());
  for (std::uint64_t shards = interested_shards_; shards != 0; shards &= shards - 1) {
    home_.inboxes[static_cast<std::size_t>(std::countr_zero(shards))]->push_break(*this);
  }
}

std::string_view Channel::find_key(const protocol::PublishEvent& event, std::string& storage) const {
  if (!event.key.empty() || !finds_keys_.load(std::memory_order_relaxed)) return event.key;
  std::shared_ptr<const protocol::JsonPath> path;
  {
    const std::lock_guard lock(mutex_);
    path = options_.key;
  }
  return path == nullptr ? std::string_view() : key_of(event.data, *path, storage);
}

// --- Options ---------------------------------------------------------------

void Channel::set_options(const ChannelOptions& options, protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  options_ = options;
  delivery_.store(options.delivery, std::memory_order_relaxed);
  finds_keys_.store(options.key != nullptr, std::memory_order_relaxed);
  has_routes_.store(options.routes != nullptr, std::memory_order_relaxed);
  history_.trim(history_now(now), options_.history);
  log_->set_retention(retention_of(options));
}

ChannelOptions Channel::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

routing::ChannelRoutesPtr Channel::routes() const {
  if (!has_routes_.load(std::memory_order_relaxed)) return nullptr;
  const std::lock_guard lock(mutex_);
  return options_.routes;
}

// --- Reading -------------------------------------------------------------

ReplayStart Channel::begin_after(std::uint64_t after, bool recovered) const {
  return {.after = after,
          .recovered = recovered,
          .replayed = offset_ - after,
          .oldest = oldest(),
          .newest = {.offset = offset_, .epoch = epoch()},
          .in_store = after + 1 < history_.oldest(offset_)};
}

std::uint64_t Channel::oldest() const { return std::min(history_.oldest(offset_), log_->head().oldest); }

std::optional<protocol::SystemMicros> Channel::beyond_memory(const protocol::Since& since) const {
  if (!durable_) return std::nullopt;
  std::optional<protocol::SystemMicros> time;
  if (const auto* all = std::get_if<protocol::SystemMicros>(&since)) time = *all;
  if (const auto* map = std::get_if<protocol::FromPositions>(&since)) {
    if (!map->positions.contains(name_)) time = map->time;
  }
  if (!time) return std::nullopt;
  const std::lock_guard lock(mutex_);
  // An event from before that time, or the first of all, is in memory.
  if (history_.oldest(offset_) == 1 || history_.oldest_received() < *time) return std::nullopt;
  return time;
}

ReplayStart Channel::begin_replay(const protocol::Since& since, std::size_t max_bytes,
                                  std::vector<ChunkPtr>& out) const {
  const std::lock_guard lock(mutex_);
  const ReplayStart start = locate_locked(since);
  read_locked(start.after, max_bytes, out);
  return start;
}

ReplayStart Channel::begin_replay(const protocol::Since& since, std::size_t max_bytes, std::size_t shard,
                                  std::vector<ChunkPtr>& out) const {
  const std::lock_guard lock(mutex_);
  ReplayStart start = locate_locked(since);
  if (max_bytes > 0) read_locked(start.after, max_bytes, out);
  start.seam = home_.inboxes[shard]->pushed();
  return start;
}

ReplayStart Channel::locate_locked(const protocol::Since& since) const {
  if (const auto* position = std::get_if<protocol::Position>(&since)) return locate_position(*position);
  if (const auto* last = std::get_if<protocol::FromLast>(&since)) return locate_last(last->events);
  if (const auto* time = std::get_if<protocol::SystemMicros>(&since)) return locate_time(*time);
  if (const auto* map = std::get_if<protocol::FromPositions>(&since)) {
    const auto known = map->positions.find(name_);
    if (known != map->positions.end()) return locate_position(known->second);
    if (map->time) return locate_time(*map->time);
    // Nobody can say whether what there is was missed.
    return begin_after(offset_, offset_ == 0);
  }
  const std::uint64_t before_oldest = oldest() - 1;
  if (std::holds_alternative<protocol::FromStart>(since))
    return begin_after(before_oldest, before_oldest == 0);
  return begin_after(offset_, false);
}

ReplayStart Channel::locate_position(const protocol::Position& position) const {
  const std::uint64_t before_oldest = oldest() - 1;
  const bool ours = (position.epoch.empty() || position.epoch == epoch()) && position.offset <= offset_;
  if (ours && position.offset >= before_oldest) return begin_after(position.offset, true);
  return begin_after(before_oldest, false);
}

ReplayStart Channel::locate_last(std::uint64_t events) const {
  const std::uint64_t before_oldest = oldest() - 1;
  const std::uint64_t wanted = events < offset_ ? offset_ - events : 0;
  return begin_after(std::max(wanted, before_oldest), wanted >= before_oldest);
}

ReplayStart Channel::locate_time(protocol::SystemMicros time) const {
  const std::size_t count = history_.count_since(time);
  // Of a durable channel the memory's word is enough only if it reaches back behind that time.
  const bool whole = durable_ ? history_.oldest(offset_) == 1 || history_.oldest_received() < time
                              : history_.newest_gone() < time;
  return begin_after(offset_ - count, whole);
}

Channel::Part Channel::read_locked(std::uint64_t after, std::size_t max_bytes,
                                   std::vector<ChunkPtr>& out) const {
  Part part;
  part.newest = offset_;
  // Of an epoch that is over.
  if (after > offset_) {
    part.gap = true;
    return part;
  }
  if (after + 1 < history_.oldest(offset_)) {
    part.in_store = after + 1 >= oldest();
    part.gap = !part.in_store;
    return part;
  }
  const std::size_t before = out.size();
  history_.read(offset_ - after, max_bytes, out);
  part.complete = out.size() - before == offset_ - after;
  return part;
}

Channel::Part Channel::read(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out) const {
  const std::lock_guard lock(mutex_);
  return read_locked(after, max_bytes, out);
}

Channel::Part Channel::read_and_join(std::uint64_t after, std::size_t max_bytes, std::vector<ChunkPtr>& out,
                                     std::size_t shard) {
  const std::lock_guard lock(mutex_);
  Part part = read_locked(after, max_bytes, out);
  if (!part.complete) return part;
  interested_shards_ |= std::uint64_t{1} << shard;
  part.seam = home_.inboxes[shard]->pushed();
  return part;
}

// --- Interest ------------------------------------------------------------

Position Channel::join(std::size_t shard, std::uint64_t& seam) {
  const std::lock_guard lock(mutex_);
  interested_shards_ |= std::uint64_t{1} << shard;
  seam = home_.inboxes[shard]->pushed();
  return {.offset = offset_, .epoch = epoch()};
}

void Channel::show_interest(std::size_t shard) {
  const std::lock_guard lock(mutex_);
  interested_shards_ |= std::uint64_t{1} << shard;
}

void Channel::lose_interest(std::size_t shard) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t bit = std::uint64_t{1} << shard;
  if ((interested_shards_ & bit) == 0) return;
  interested_shards_ &= ~bit;
  used_ = protocol::system_now();
}

bool Channel::is_heard() const {
  const std::lock_guard lock(mutex_);
  return interested_shards_ != 0;
}

Position Channel::position() const {
  const std::lock_guard lock(mutex_);
  return {.offset = offset_, .epoch = epoch()};
}

void Channel::expire(protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  history_.trim(history_now(now), options_.history);
  log_->expire(now);
}

bool Channel::is_idle(protocol::SystemMicros now, std::chrono::microseconds ttl) const {
  const std::lock_guard lock(mutex_);
  if (interested_shards_ != 0) return false;
  if (log_->is_unused()) return true;
  return history_.empty() && log_->is_empty() && ttl.count() > 0 &&
         home_.shared.ages.now_for(ttl, now) - used_ >= ttl;
}

bool Channel::is_unborn() const {
  const std::lock_guard lock(mutex_);
  return log_->is_unused();
}

}  // namespace wskit::server
