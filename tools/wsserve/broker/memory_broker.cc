#include "wsserve/broker/memory_broker.h"

#include <utility>

#include "wsserve/frame/event_frame.h"

namespace wskit::server::broker {

std::optional<Receipt> receipt_of(const RecentMarks::Verdict& verdict) {
  switch (verdict.kind) {
    case RecentMarks::Verdict::Kind::kNew:
      break;
    case RecentMarks::Verdict::Kind::kDuplicate:
      return Receipt{.offset = verdict.offset, .duplicate = true};
    case RecentMarks::Verdict::Kind::kForgotten:
      return Receipt{.refusal = Receipt::Refusal::kForgotten, .oldest = verdict.oldest};
  }
  return std::nullopt;
}

// --- Log -------------------------------------------------------------------

MemoryLog::MemoryLog(const Opening& opening, Listener& listener)
    : Log(false),
      listener_(listener),
      mutex_(opening.mutex),
      epoch_(opening.epoch),
      marks_(opening.shared, opening.retention.dedup) {}

Receipt MemoryLog::append(Draft& draft) {
  if (auto known = recognise(draft.by, draft.received)) return std::move(*known);
  Remembered remembered(marks_, draft.by, next(), draft.received);
  ChunkPtr frame = next_frame(draft);
  remembered.keep();
  ++newest_;
  return {.offset = newest_, .first = newest_ == 1, .frame = std::move(frame)};
}

std::optional<Receipt> MemoryLog::recognise(const Recognition& by, protocol::SystemMicros now) {
  return receipt_of(marks_.find(by, now));
}

ChunkPtr MemoryLog::next_frame(Draft& draft) const {
  draft.event.offset = next();
  return build_event_frame(draft.event);
}

void MemoryLog::take(ChunkPtr frame, protocol::SystemMicros received) noexcept {
  newest_ = frame->event.offset;
  const Entry entry{std::move(frame), received};
  listener_.appended({&entry, 1});
}

std::optional<Receipt> MemoryLog::check_sequence(const Producer& producer, std::int64_t sequence,
                                                 protocol::SystemMicros now) {
  const auto verdict = marks_.find(producer, sequence, now);
  if (verdict.kind != RecentMarks::Verdict::Kind::kForgotten) return std::nullopt;
  return receipt_of(verdict);
}

bool MemoryLog::is_unused() const { return newest_ == 0 && is_empty(); }

bool MemoryLog::is_empty() const { return marks_.empty() && awaited_.load() == 0; }

void MemoryLog::read(std::uint64_t, std::uint64_t, std::size_t, std::function<void(Part)> then) {
  Part nothing;
  nothing.gap = true;
  then(std::move(nothing));
}

void MemoryLog::locate(protocol::SystemMicros, std::function<void(Located)> then) { then({}); }

void MemoryLog::Awaited::append(Draft& draft) const {
  const std::lock_guard lock(log_->mutex_);
  log_->take(log_->next_frame(draft), draft.received);
}

// --- Broker ------------------------------------------------------------------

void MemoryBroker::start(Callbacks) {}

std::unique_ptr<Log> MemoryBroker::open(const Opening& opening, Log::Listener& listener) {
  return std::make_unique<MemoryLog>(opening, listener);
}

ReceiptOfAll MemoryBroker::append_all(std::span<Draft> drafts) {
  const auto log_of = [](const Draft& draft) -> MemoryLog& { return static_cast<MemoryLog&>(*draft.log); };
  Draft& draft = drafts.front();
  MemoryLog& log = log_of(draft);
  if (auto known = log.recognise(draft.by, draft.received)) return {.first = std::move(*known)};
  // What may fail comes first, so that there is the event with its copies or nothing.
  Remembered remembered(log.marks(), draft.by, log.next(), draft.received);
  std::vector<ChunkPtr> frames;
  frames.reserve(drafts.size());
  for (Draft& each : drafts) frames.push_back(log_of(each).next_frame(each));
  remembered.keep();
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    log_of(drafts[i]).take(std::move(frames[i]), drafts[i].received);
  }
  const std::uint64_t offset = draft.event.offset;
  return {.first = {.offset = offset, .first = offset == 1}, .copies = drafts.size() - 1};
}

}  // namespace wskit::server::broker
