#include "wsserve/store/sqlite_broker.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "wsserve/frame/event_frame.h"

namespace wskit::server::store {
namespace {

using broker::Draft;
using broker::MemoryLog;
using broker::Receipt;
using broker::ReceiptOfAll;
using broker::Remembered;

SqliteLog& in_store(const Draft& draft) { return static_cast<SqliteLog&>(*draft.log); }
MemoryLog& in_memory(const Draft& draft) { return static_cast<MemoryLog&>(*draft.log); }

// Copies in logs in memory of an event that is on its way to the disk. What they need of it
// is in its frame.
class LaterCopies final : public Sequel {
 public:
  // `source`: the channel of the event, whose log outlives this.
  explicit LaterCopies(std::string_view source) : source_(source) {}

  void add(const Draft& copy) {
    copies_.push_back({MemoryLog::Awaited(in_memory(copy)), copy.event.channel, std::string(copy.event.key)});
  }

  void stored(const Chunk& frame, protocol::SystemMicros received) override {
    for (const Later& copy : copies_) {
      Draft draft{.event = view_event_frame(frame, source_), .by = {}, .received = received};
      draft.event.channel = copy.channel;
      if (draft.event.key.empty()) draft.event.key = copy.key;
      copy.log.append(draft);
    }
  }

 private:
  struct Later {
    MemoryLog::Awaited log;
    std::string_view channel;
    std::string key;
  };
  const std::string_view source_;
  std::vector<Later> copies_;
};

}  // namespace

// --- Log -------------------------------------------------------------------

SqliteLog::SqliteLog(Store& store, const broker::Opening& opening, Listener& listener)
    : Log(true),
      store_(store),
      stored_(store.channel(opening.channel, opening.retention, opening.epoch)),
      listener_(listener),
      mutex_(opening.mutex),
      newest_(stored_.newest_at_open()),
      assigned_(newest_),
      marks_(opening.shared, opening.retention.dedup) {
  remember_stored(opening.shared.producers);
}

void SqliteLog::remember_stored(Producers& producers) {
  ProducerPtr producer;
  for (const RecentId& seen : store_.take_recent_ids(stored_)) {
    broker::Recognition by{.dedup = seen.id};
    if (!seen.producer.empty()) {
      if (producer == nullptr || producer->name() != seen.producer) {
        producer = producers.find_or_create(seen.producer);
      }
      by = {.dedup = {}, .producer = &producer, .sequence = seen.sequence};
    }
    if (recognise(by, seen.received)) continue;
    marks_.add(by, seen.offset, seen.received);
    if (by.producer != nullptr) producer->accepted(seen.sequence);
  }
}

Receipt SqliteLog::append(Draft& draft) {
  if (auto known = recognise(draft.by, draft.received)) return std::move(*known);
  Remembered remembered(marks_, draft.by, next(), draft.received);
  const auto ticket = store_.append(record(draft));
  if (!ticket) return {.refusal = Receipt::Refusal::kUnavailable};
  remembered.keep();
  return queued(draft.event.offset, *ticket);
}

std::optional<Receipt> SqliteLog::recognise(const broker::Recognition& by, protocol::SystemMicros now) {
  auto known = broker::receipt_of(marks_.find(by, now));
  // As long as the first one is on its way, nobody knows whether it arrives.
  if (known && known->offset > newest_) known->ticket = ticket_;
  return known;
}

Record SqliteLog::record(Draft& draft) {
  draft.event.offset = next();
  return {.channel = &stored_,
          .sink = this,
          .frame = build_event_frame(draft.event),
          .received = draft.received,
          .dedup = std::string(draft.by.dedup),
          .producer = draft.by.producer == nullptr ? nullptr : *draft.by.producer,
          .sequence = draft.by.sequence};
}

Receipt SqliteLog::queued(std::uint64_t offset, Ticket ticket) {
  assigned_ = offset;
  ticket_ = ticket;
  return {.offset = offset, .ticket = ticket, .first = offset == 1};
}

std::optional<Receipt> SqliteLog::check_sequence(const Producer& producer, std::int64_t sequence,
                                                 protocol::SystemMicros now) {
  const auto verdict = marks_.find(producer, sequence, now);
  if (verdict.kind != broker::RecentMarks::Verdict::Kind::kForgotten) return std::nullopt;
  return broker::receipt_of(verdict);
}

broker::Head SqliteLog::head() const { return {stored_.epoch(), newest_, stored_.oldest()}; }

bool SqliteLog::is_unused() const {
  return newest_ == 0 && assigned_ == 0 && marks_.empty() && stored_.is_unused();
}

void SqliteLog::set_retention(const Retention& retention) {
  marks_.set_limits(retention.dedup);
  stored_.set_retention(retention);
}

void SqliteLog::close() {
  // Nobody can know an event of it.
  if (is_unused()) store_.forget(stored_);
}

void SqliteLog::read(std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
                     std::function<void(Part)> then) {
  store_.read(stored_, after, up_to, max_bytes, std::move(then));
}

void SqliteLog::locate(protocol::SystemMicros time, std::function<void(Located)> then) {
  store_.locate(stored_, time, std::move(then));
}

void SqliteLog::committed(std::span<const Record> records) {
  {
    const std::lock_guard lock(mutex_);
    for (const Record& record : records) {
      newest_ = record.frame->event.offset;
      const broker::Entry entry{record.frame, record.received};
      listener_.appended({&entry, 1});
    }
  }
  std::exception_ptr failure;
  for (const Record& record : records) {
    try {
      if (record.sequel != nullptr) record.sequel->stored(*record.frame, record.received);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

void SqliteLog::rolled_back() {
  const std::lock_guard lock(mutex_);
  assigned_ = newest_;
  marks_.forget_from(newest_ + 1);
}

// --- Broker ------------------------------------------------------------------

SqliteBroker::SqliteBroker(std::unique_ptr<Store> store) : Broker(true), store_(std::move(store)) {}

void SqliteBroker::start(broker::Callbacks callbacks) {
  Callbacks of_store{.settled = std::move(callbacks.settled),
                     .availability = {},
                     .remark = std::move(callbacks.remark),
                     .caught = std::move(callbacks.caught)};
  if (callbacks.health_changed) {
    of_store.availability = [changed = std::move(callbacks.health_changed)](
                                bool, const std::string& problem) { changed(problem); };
  }
  store_->start(std::move(of_store));
}

void SqliteBroker::stop() { store_->stop(); }

std::unique_ptr<broker::Log> SqliteBroker::open(const broker::Opening& opening,
                                                broker::Log::Listener& listener) {
  if (!keeps(opening.channel, opening.durable)) return std::make_unique<MemoryLog>(opening, listener);
  return std::make_unique<SqliteLog>(*store_, opening, listener);
}

std::vector<std::string> SqliteBroker::channels() const {
  std::vector<std::string> names;
  for (const StoredChannel* stored : store_->channels()) names.push_back(stored->name());
  return names;
}

ReceiptOfAll SqliteBroker::append_all(std::span<Draft> drafts) {
  return drafts.front().log->is_durable() ? append_to_store(drafts) : append_to_memory(drafts);
}

ReceiptOfAll SqliteBroker::append_to_memory(std::span<Draft> drafts) {
  Draft& draft = drafts.front();
  MemoryLog& log = in_memory(draft);
  if (auto known = log.recognise(draft.by, draft.received)) return {.first = std::move(*known)};
  // What may fail comes first, so that there is the event with its copies or nothing.
  Remembered remembered(log.marks(), draft.by, log.next(), draft.received);
  std::vector<ChunkPtr> frames;
  frames.reserve(drafts.size());
  std::vector<Record> records;
  for (Draft& each : drafts) {
    const bool durable = each.log->is_durable();
    if (durable) records.push_back(in_store(each).record(each));
    frames.push_back(durable ? nullptr : in_memory(each).next_frame(each));
  }
  const std::size_t durable = records.size();
  std::optional<Ticket> ticket;
  if (durable > 0) ticket = store_->append_together(std::move(records));
  remembered.keep();
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (frames[i] != nullptr) {
      in_memory(drafts[i]).take(std::move(frames[i]), drafts[i].received);
    } else if (ticket) {
      (void)in_store(drafts[i]).queued(drafts[i].event.offset, *ticket);
    }
  }
  const std::uint64_t offset = draft.event.offset;
  return {.first = {.offset = offset, .first = offset == 1},
          .copies = drafts.size() - 1 - (ticket ? 0 : durable),
          .copies_ticket = ticket.value_or(0)};
}

ReceiptOfAll SqliteBroker::append_to_store(std::span<Draft> drafts) {
  Draft& draft = drafts.front();
  SqliteLog& log = in_store(draft);
  if (auto known = log.recognise(draft.by, draft.received)) return {.first = std::move(*known)};
  Remembered remembered(log.marks(), draft.by, log.next(), draft.received);
  std::vector<Record> records;
  auto later = std::make_unique<LaterCopies>(draft.event.channel);
  for (Draft& each : drafts) {
    if (each.log->is_durable()) {
      records.push_back(in_store(each).record(each));
    } else {
      later->add(each);
    }
  }
  records.front().sequel = std::move(later);
  const auto ticket = store_->append_together(std::move(records));
  if (!ticket) return {.first = {.refusal = Receipt::Refusal::kUnavailable}};
  remembered.keep();
  for (const Draft& each : drafts.subspan(1)) {
    if (each.log->is_durable()) (void)in_store(each).queued(each.event.offset, *ticket);
  }
  return {.first = log.queued(draft.event.offset, *ticket), .copies = drafts.size() - 1};
}

broker::Outcome SqliteBroker::outcome(Ticket ticket) const { return {.lost = store_->failed(ticket)}; }

broker::Health SqliteBroker::health() const {
  const Status status = store_->status();
  broker::Health health;
  if (!status.available) health.problem = "the store cannot be written: " + status.reason;
  if (status.damaged_events > 0) {
    health.damage = fmt::format("{} events in the store are missing or damaged", status.damaged_events);
  }
  return health;
}

}  // namespace wskit::server::store
