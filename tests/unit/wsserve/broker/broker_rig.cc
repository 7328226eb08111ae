#include "broker_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "wsserve/store/sqlite_broker.h"

namespace wskit::server::broker {
namespace {

constexpr std::chrono::seconds kDeadline{30};

Retention keep_all() { return {.history = kNoHistoryLimits, .dedup = {}}; }

std::unique_ptr<Broker> make_sqlite_broker(const std::string& path) {
  store::Options options;
  options.path = path;
  options.make_epoch = [] { return std::string("renewed"); };
  auto opened = store::Store::open(std::move(options));
  EXPECT_TRUE(opened) << opened.error().message;
  return std::make_unique<store::SqliteBroker>(std::move(*opened));
}

}  // namespace

// --- OpenLog -----------------------------------------------------------------

OpenLog::OpenLog(Broker& broker, const Shared& shared, std::string name) : name_(std::move(name)) {
  const std::lock_guard lock(mutex_);
  log_ = broker.open({.channel = name_,
                      .epoch = "E1",
                      .durable = true,
                      .retention = keep_all(),
                      .shared = shared,
                      .mutex = mutex_},
                     *this);
  epoch_ = log_->head().epoch;
}

Receipt OpenLog::append(Draft& draft) {
  const std::lock_guard lock(mutex_);
  Receipt receipt = log_->append(draft);
  if (receipt.frame != nullptr) note(receipt.frame);
  return receipt;
}

Draft OpenLog::draft(std::string_view data) const {
  Draft draft;
  draft.log = log_.get();
  draft.event.type = "trade";
  draft.event.channel = name_;
  draft.event.timestamp = "2026-11-20T10:00:00.123456Z";
  draft.event.data = data;
  return draft;
}

Head OpenLog::head() {
  const std::lock_guard lock(mutex_);
  return log_->head();
}

std::string OpenLog::told() {
  const std::lock_guard lock(mutex_);
  return told_;
}

std::vector<ChunkPtr> OpenLog::frames() {
  const std::lock_guard lock(mutex_);
  return frames_;
}

std::string OpenLog::epoch() {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

void OpenLog::appended(std::span<const Entry> entries) noexcept {
  for (const Entry& entry : entries) note(entry.frame);
}

void OpenLog::broken(const Head& now) {
  told_ += told_.empty() ? "broken" : " broken";
  epoch_ = now.epoch;
}

void OpenLog::note(const ChunkPtr& frame) {
  told_ += fmt::format("{}{}", told_.empty() ? "" : " ", frame->event.offset);
  frames_.push_back(frame);
}

// --- BrokerRig ---------------------------------------------------------------

void BrokerRig::start() {
  switch (kind_) {
    case Kind::kMemory:
      broker_ = std::make_unique<MemoryBroker>();
      break;
    case Kind::kSqlite:
      broker_ = make_sqlite_broker((scratch_.path() / "events.db").string());
      break;
    case Kind::kLate:
      broker_ = std::make_unique<LateBroker>(far_end_, LateBroker::Temper{});
      break;
  }
  broker_->start({});
}

void BrokerRig::stop() {
  broker_->stop();
  logs_.clear();
  broker_.reset();
  last_ = 0;
}

OpenLog& BrokerRig::log(const std::string& name) {
  return logs_.try_emplace(name, *broker_, shared_, name).first->second;
}

Receipt BrokerRig::append(OpenLog& log, Draft draft) {
  draft.received = now_;
  Receipt receipt = log.append(draft);
  Ticket last = last_.load();
  while (receipt.ticket > last && !last_.compare_exchange_weak(last, receipt.ticket)) {
  }
  return receipt;
}

Receipt BrokerRig::publish(const std::string& name, std::string_view dedup, std::string_view data) {
  OpenLog& to = log(name);
  Draft draft = to.draft(data);
  draft.by.dedup = dedup;
  return append(to, draft);
}

Receipt BrokerRig::publish_numbered(const std::string& name, const ProducerPtr& producer,
                                    std::int64_t sequence) {
  OpenLog& to = log(name);
  Draft draft = to.draft();
  draft.by = {.dedup = {}, .producer = &producer, .sequence = sequence};
  return append(to, draft);
}

ReceiptOfAll BrokerRig::append_all(const std::vector<std::string>& names, std::string_view dedup) {
  std::vector<Draft> drafts;
  std::vector<std::unique_lock<std::mutex>> locks;
  for (const std::string& name : names) {
    drafts.push_back(log(name).draft());
    drafts.back().received = now_;
    locks.emplace_back(log(name).mutex());
  }
  drafts.front().by.dedup = dedup;
  const ReceiptOfAll receipt = broker_->append_all(drafts);
  last_ = std::max({last_.load(), receipt.first.ticket, receipt.copies_ticket});
  return receipt;
}

void BrokerRig::settle() {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (broker_->settled() < last_) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing is settled";
    std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
}

Outcome BrokerRig::outcome(const Receipt& receipt) {
  settle();
  Outcome outcome;
  if (receipt.ticket != 0) outcome = broker_->outcome(receipt.ticket);
  outcome.lost = outcome.lost || receipt.refusal != Receipt::Refusal::kNone;
  outcome.duplicate = outcome.duplicate || receipt.duplicate;
  if (receipt.offset != 0) outcome.offset = receipt.offset;
  return outcome;
}

std::string BrokerRig::read(const std::string& name, std::uint64_t after, std::uint64_t up_to) {
  std::promise<Part> promise;
  auto future = promise.get_future();
  log(name).log().read(after, up_to, SIZE_MAX, [&promise](Part part) { promise.set_value(std::move(part)); });
  EXPECT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  const Part part = future.get();
  if (part.gap) return "gap";
  std::string text = part.error;
  for (const ChunkPtr& frame : part.frames) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", frame->event.offset);
  }
  return text;
}

Located BrokerRig::locate(const std::string& name, protocol::SystemMicros time) {
  std::promise<Located> promise;
  auto future = promise.get_future();
  log(name).log().locate(time, [&promise](Located located) { promise.set_value(std::move(located)); });
  EXPECT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  return future.get();
}

}  // namespace wskit::server::broker
