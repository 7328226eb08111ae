#include "wsserve/channel/channel.h"

#include <algorithm>
#include <bit>
#include <exception>

#include "common/protocol/event.h"
#include "wsserve/broker/sequence_windows.h"
#include "wsserve/channel/event_key.h"
#include "wsserve/frame/event_frame.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {

ShardState::~ShardState() = default;

Channel::Channel(std::string name, std::string epoch, const ChannelOptions& options, const Home& home,
                 std::uint64_t interested_shards)
    : name_(std::move(name)),
      epoch_(std::move(epoch)),
      home_(home),
      delivery_(options.delivery),
      finds_keys_(options.key != nullptr),
      has_routes_(options.routes != nullptr),
      options_(options),
      interested_shards_(interested_shards),
      history_(home.histories),
      dedup_(home.dedup_ids),
      used_(protocol::system_now()),
      local_(home.inboxes.size()) {}

Channel::Channel(store::StoredChannel& stored, const ChannelOptions& options, const Home& home,
                 std::uint64_t interested_shards)
    : name_(stored.name()),
      epoch_(stored.epoch()),
      home_(home),
      stored_(&stored),
      delivery_(options.delivery),
      finds_keys_(options.key != nullptr),
      has_routes_(options.routes != nullptr),
      options_(options),
      offset_(stored.newest_at_open()),
      assigned_(offset_),
      interested_shards_(interested_shards),
      history_(home.histories, true),
      dedup_(home.dedup_ids),
      used_(protocol::system_now()),
      local_(home.inboxes.size()) {
  remember_stored();
}

Channel::~Channel() = default;

void Channel::remember_stored() {
  ProducerPtr producer;
  for (const store::RecentId& seen : home_.store->take_recent_ids(*stored_)) {
    Recognition by{.dedup = seen.id};
    if (!seen.producer.empty()) {
      if (producer == nullptr || producer->name() != seen.producer) {
        producer = home_.producers.find_or_create(seen.producer);
      }
      by = {.dedup = {}, .producer = &producer, .sequence = seen.sequence};
    }
    if (recognise(by, seen.received)) continue;
    remember(by, seen.offset, seen.received);
    if (by.producer != nullptr) producer->accepted(seen.sequence);
  }
}

// --- Publishing ------------------------------------------------------------

Accepted Channel::publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                          const ProducerPtr& producer) {
  std::string key;
  protocol::EventView view = view_of(event, received, key);
  const Recognition by = recognition_of(event, producer);
  const std::lock_guard lock(mutex_);
  used_ = received.at;
  if (const auto known = recognise(by, received.at)) return *known;
  return accept(by, received.at, [&] {
    return stored_ == nullptr ? append(view, received.at) : append_to_store(view, by, received.at);
  });
}

std::optional<Accepted> Channel::check_sequence(const Producer& producer, std::int64_t sequence,
                                                protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  if (sequences_ == nullptr) return std::nullopt;
  const auto verdict = sequences_->check(producer, sequence, dedup_now(now), options_.dedup);
  if (verdict.kind != SequenceWindows::Verdict::Kind::kForgotten) return std::nullopt;
  return Accepted{.forgotten = true, .oldest = verdict.oldest};
}

protocol::EventView Channel::view_of(const protocol::PublishEvent& event, const ReceiveTime& received,
                                     std::string& storage) const {
  protocol::EventView view;
  view.type = event.type;
  view.channel = name_;
  view.timestamp = event.timestamp.empty() ? received.text : event.timestamp;
  view.key = find_key(event, storage);
  view.data = event.data;
  return view;
}

std::optional<Accepted> Channel::recognise(const Recognition& by, protocol::SystemMicros now) {
  std::optional<std::uint64_t> first;
  if (by.producer != nullptr) {
    if (sequences_ == nullptr) return std::nullopt;
    const auto verdict = sequences_->check(**by.producer, by.sequence, dedup_now(now), options_.dedup);
    using Kind = SequenceWindows::Verdict::Kind;
    if (verdict.kind == Kind::kNew) return std::nullopt;
    if (verdict.kind == Kind::kForgotten) return Accepted{.forgotten = true, .oldest = verdict.oldest};
    first = verdict.offset;
  } else if (!by.dedup.empty()) {
    first = dedup_.find(by.dedup, dedup_now(now), options_.dedup);
  }
  if (!first) return std::nullopt;
  // As long as the first one is on its way, nobody knows whether it arrives.
  return Accepted{.offset = *first, .duplicate = true, .ticket = *first > offset_ ? ticket_ : 0};
}

void Channel::forget_from(std::uint64_t offset) {
  dedup_.forget_from(offset);
  if (sequences_ != nullptr) sequences_->forget_from(offset);
}

void Channel::remember(const Recognition& by, std::uint64_t offset, protocol::SystemMicros now) {
  if (by.producer != nullptr) {
    if (sequences_ == nullptr) sequences_ = std::make_unique<SequenceWindows>(home_.dedup_ids);
    sequences_->add(*by.producer, by.sequence, offset, now, options_.dedup);
  } else if (!by.dedup.empty()) {
    dedup_.add(by.dedup, offset, now, options_.dedup);
  }
}

Accepted Channel::append(protocol::EventView& view, protocol::SystemMicros received) {
  take(next_frame(view), received);
  return {.offset = view.offset};
}

ChunkPtr Channel::next_frame(protocol::EventView& view) const {
  view.offset = offset_ + 1;
  return build_event_frame(view);
}

void Channel::take(ChunkPtr frame, protocol::SystemMicros received) noexcept {
  offset_ = frame->event.offset;
  hand_over(std::move(frame), received);
}

Accepted Channel::append_to_store(protocol::EventView& view, const Recognition& by,
                                  protocol::SystemMicros received) {
  const auto ticket = home_.store->append(make_record(view, by, received));
  if (!ticket) return {.unavailable = true};
  queued(view.offset, *ticket);
  return {.offset = view.offset, .ticket = *ticket};
}

store::Record Channel::make_record(protocol::EventView& view, const Recognition& by,
                                   protocol::SystemMicros received) {
  view.offset = assigned_ + 1;
  return {.channel = stored_,
          .sink = this,
          .frame = build_event_frame(view),
          .received = received,
          .dedup = std::string(by.dedup),
          .producer = by.producer == nullptr ? nullptr : *by.producer,
          .sequence = by.sequence};
}

void Channel::queued(std::uint64_t offset, store::Ticket ticket) {
  assigned_ = offset;
  ticket_ = ticket;
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

void Channel::committed(std::span<const store::Record> records) {
  {
    const std::lock_guard lock(mutex_);
    for (const store::Record& record : records) {
      offset_ = record.frame->event.offset;
      hand_over(record.frame, record.received);
    }
  }
  std::exception_ptr failure;
  for (const store::Record& record : records) {
    try {
      if (record.sequel != nullptr) record.sequel->stored(*record.frame, record.received);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

void Channel::rolled_back() {
  const std::lock_guard lock(mutex_);
  assigned_ = offset_;
  forget_from(offset_ + 1);
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

bool Channel::set_options(const ChannelOptions& options, protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  options_ = options;
  delivery_.store(options.delivery, std::memory_order_relaxed);
  finds_keys_.store(options.key != nullptr, std::memory_order_relaxed);
  has_routes_.store(options.routes != nullptr, std::memory_order_relaxed);
  history_.trim(history_now(now), options_.history);
  if (stored_ != nullptr) stored_->set_retention({.history = options_.stored, .dedup = options_.dedup});
  return home_.store == nullptr || (stored_ != nullptr) == options.durable ||
         protocol::is_server_channel(name_);
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
          .newest = {.offset = offset_, .epoch = epoch_},
          .in_store = after + 1 < history_.oldest(offset_)};
}

std::uint64_t Channel::oldest() const {
  const std::uint64_t in_memory = history_.oldest(offset_);
  return stored_ == nullptr ? in_memory : std::min(in_memory, stored_->oldest());
}

std::optional<protocol::SystemMicros> Channel::beyond_memory(const protocol::Since& since) const {
  if (stored_ == nullptr) return std::nullopt;
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
  const bool ours = (position.epoch.empty() || position.epoch == epoch_) && position.offset <= offset_;
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
  const bool whole = stored_ == nullptr ? history_.newest_gone() < time
                                        : history_.oldest(offset_) == 1 || history_.oldest_received() < time;
  return begin_after(offset_ - count, whole);
}

Channel::Part Channel::read_locked(std::uint64_t after, std::size_t max_bytes,
                                   std::vector<ChunkPtr>& out) const {
  Part part;
  part.newest = offset_;
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
  return {.offset = offset_, .epoch = epoch_};
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
  return {.offset = offset_, .epoch = epoch_};
}

void Channel::expire(protocol::SystemMicros now) {
  const std::lock_guard lock(mutex_);
  history_.trim(history_now(now), options_.history);
  dedup_.expire(dedup_now(now), options_.dedup);
  if (sequences_ == nullptr) return;
  sequences_->expire(dedup_now(now), options_.dedup);
  if (sequences_->empty()) sequences_.reset();
}

bool Channel::is_idle(protocol::SystemMicros now, std::chrono::microseconds ttl) const {
  const std::lock_guard lock(mutex_);
  if (later_copies_.load() > 0 || interested_shards_ != 0) return false;
  if (is_unborn_locked()) return true;
  return stored_ == nullptr && history_.empty() && dedup_.size() == 0 && sequences_ == nullptr &&
         ttl.count() > 0 && home_.ages.now_for(ttl, now) - used_ >= ttl;
}

bool Channel::is_unborn() const {
  const std::lock_guard lock(mutex_);
  return is_unborn_locked();
}

bool Channel::is_unborn_locked() const {
  return offset_ == 0 && assigned_ == 0 && dedup_.size() == 0 && sequences_ == nullptr &&
         (stored_ == nullptr || stored_->is_unused());
}

}  // namespace wskit::server
