#include "late_broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wsserve/frame/event_frame.h"

namespace wskit::server::broker {
namespace {

std::string mark_of(const Recognition& by) {
  if (by.producer != nullptr) return fmt::format("{} {}", (*by.producer)->name(), by.sequence);
  return by.dedup.empty() ? std::string() : "id " + std::string(by.dedup);
}

FarEnd::Event copy_of(const Draft& draft) {
  const protocol::EventView& event = draft.event;
  return {.type = std::string(event.type),
          .channel = std::string(event.channel),
          .timestamp = std::string(event.timestamp),
          .key = std::string(event.key),
          .data = std::string(event.data),
          .mark = mark_of(draft.by),
          .received = draft.received};
}

protocol::EventView view_of(const FarEnd::Event& event) {
  protocol::EventView view;
  view.type = event.type;
  view.channel = event.channel;
  view.timestamp = event.timestamp;
  view.key = event.key;
  view.data = event.data;
  return view;
}

}  // namespace

// --- FarEnd ------------------------------------------------------------------

FarEnd::Place FarEnd::place(const std::string& channel, std::string_view epoch) const {
  const std::lock_guard lock(mutex_);
  const auto kept = logs_.find(channel);
  if (kept == logs_.end()) return {.epoch = std::string(epoch)};
  const Kept& log = kept->second;
  return {.epoch = log.epoch, .newest = log.newest, .oldest = log.history.oldest(log.newest)};
}

std::vector<std::string> FarEnd::channels() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, log] : logs_) names.push_back(name);
  return names;
}

FarEnd::Answer FarEnd::append(const Event& event, std::string_view epoch, const Retention& retention) {
  const std::lock_guard lock(mutex_);
  Kept& log = logs_.try_emplace(event.channel, budget_).first->second;
  if (log.epoch.empty()) log.epoch = epoch;
  if (!event.mark.empty()) {
    const auto [known, is_new] = log.marks.emplace(event.mark, log.newest + 1);
    if (!is_new) return {.entry = {nullptr, event.received}, .offset = known->second, .epoch = log.epoch};
  }
  protocol::EventView view = view_of(event);
  view.offset = ++log.newest;
  const Entry entry{build_event_frame(view), event.received};
  log.history.append(entry.frame, event.received, retention.history, protocol::system_now());
  return {.entry = entry, .offset = view.offset, .epoch = log.epoch};
}

Part FarEnd::read(const std::string& channel, std::uint64_t after, std::uint64_t up_to,
                  std::size_t max_bytes) const {
  const std::lock_guard lock(mutex_);
  const Kept& log = logs_.at(channel);
  Part part;
  part.gap = after + 1 < log.history.oldest(log.newest);
  if (part.gap || after >= log.newest) return part;
  log.history.read(log.newest - after, max_bytes, part.frames);
  while (!part.frames.empty() && part.frames.back()->event.offset > up_to) part.frames.pop_back();
  return part;
}

Located FarEnd::locate(const std::string& channel, protocol::SystemMicros time) const {
  const std::lock_guard lock(mutex_);
  const Kept& log = logs_.at(channel);
  return {.after = log.newest - log.history.count_since(time),
          .whole = log.history.newest_gone() < time,
          .error = {}};
}

void FarEnd::lose_events() {
  const std::lock_guard lock(mutex_);
  ++losses_;
  for (auto& [name, log] : logs_) {
    log.epoch = fmt::format("after{}", losses_);
    log.newest += 3;
    log.history.let_go_of_all(protocol::system_now());
    log.marks.clear();
  }
}

// --- Log -------------------------------------------------------------------

class LateLog final : public Log {
 public:
  LateLog(LateBroker& broker, const Opening& opening, Listener& listener)
      : Log(true),
        broker_(broker),
        channel_(opening.channel),
        mutex_(opening.mutex),
        listener_(listener),
        retention_(opening.retention),
        place_(broker.far_end_->place(channel_, opening.epoch)),
        used_(place_.newest > 0) {
    const std::lock_guard lock(broker_.mutex_);
    broker_.logs_.insert(this);
  }
  ~LateLog() override {
    const std::lock_guard lock(broker_.mutex_);
    broker_.logs_.erase(this);
  }

  Receipt append(Draft& draft) override {
    LateBroker::Batch batch;
    batch.events.emplace_back(this, copy_of(draft));
    const auto ticket = broker_.queue(std::move(batch));
    if (!ticket) return {.refusal = Receipt::Refusal::kUnavailable};
    return queued(*ticket);
  }
  Receipt queued(Ticket ticket) { return {.ticket = ticket, .first = !std::exchange(used_, true)}; }

  std::optional<Receipt> check_sequence(const Producer&, std::int64_t, protocol::SystemMicros) override {
    return std::nullopt;
  }
  Head head() const override { return {place_.epoch, place_.newest, place_.oldest}; }
  bool is_unused() const override { return !used_; }
  bool is_empty() const override { return false; }
  void set_retention(const Retention& retention) override { retention_ = retention; }
  void expire(protocol::SystemMicros) override {}
  void close() override {}
  void read(std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then) override {
    broker_.ask([far_end = broker_.far_end_, channel = channel_, after, up_to, max_bytes, then] {
      then(far_end->read(channel, after, up_to, max_bytes));
    });
  }
  void locate(protocol::SystemMicros time, std::function<void(Located)> then) override {
    broker_.ask([far_end = broker_.far_end_, channel = channel_, time, then] {
      then(far_end->locate(channel, time));
    });
  }

  // On the broker's thread.
  FarEnd::Answer send(const FarEnd::Event& event) {
    std::string epoch;
    Retention retention;
    {
      const std::lock_guard lock(mutex_);
      epoch = place_.epoch;
      retention = retention_;
    }
    return broker_.far_end_->append(event, epoch, retention);
  }
  void bring(std::span<const Entry> entries) {
    const FarEnd::Place place = broker_.far_end_->place(channel_, {});
    const std::lock_guard lock(mutex_);
    place_.newest = entries.back().frame->event.offset;
    place_.oldest = place.oldest;
    listener_.appended(entries);
  }

  void look_again() {
    const std::lock_guard lock(mutex_);
    const FarEnd::Place now = broker_.far_end_->place(channel_, place_.epoch);
    if (now.epoch == place_.epoch) return;
    place_ = now;
    listener_.broken(head());
  }

 private:
  LateBroker& broker_;
  const std::string channel_;
  std::mutex& mutex_;
  Listener& listener_;
  Retention retention_;
  FarEnd::Place place_;  // of what was brought
  bool used_;
};

// --- Broker ------------------------------------------------------------------

LateBroker::LateBroker(std::shared_ptr<FarEnd> far_end, const Temper& temper)
    : Broker(true), far_end_(std::move(far_end)), temper_(temper), random_(temper.seed) {}

LateBroker::~LateBroker() { stop(); }

void LateBroker::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  thread_ = std::thread([this] { run(); });
}

void LateBroker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    connected_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

std::unique_ptr<Log> LateBroker::open(const Opening& opening, Log::Listener& listener) {
  if (!keeps(opening.channel, opening.durable)) return std::make_unique<MemoryLog>(opening, listener);
  return std::make_unique<LateLog>(*this, opening, listener);
}

std::optional<Ticket> LateBroker::queue(Batch batch) {
  const std::lock_guard lock(mutex_);
  if (!connected_) return std::nullopt;
  batch.ticket = last_ + 1;
  last_ += batch.events.size();
  batches_.push_back(std::move(batch));
  wake_.notify_all();
  return last_;
}

ReceiptOfAll LateBroker::append_all(std::span<Draft> drafts) {
  Draft& first = drafts.front();
  Batch batch;
  std::vector<Draft> in_memory;
  for (Draft& draft : drafts) {
    if (draft.log->is_durable()) {
      batch.events.emplace_back(static_cast<LateLog*>(draft.log), copy_of(draft));
    } else if (first.log->is_durable()) {
      batch.in_memory.emplace_back(MemoryLog::Awaited(static_cast<MemoryLog&>(*draft.log)), copy_of(draft));
    } else {
      in_memory.push_back(draft);
    }
  }
  const std::size_t durable = batch.events.size();
  if (durable > 1 && !temper_.together) return {.first = {.refusal = Receipt::Refusal::kApart}};
  if (first.log->is_durable()) {
    const auto ticket = queue(std::move(batch));
    if (!ticket) return {.first = {.refusal = Receipt::Refusal::kUnavailable}};
    for (const Draft& draft : drafts.subspan(1)) {
      if (draft.log->is_durable()) (void)static_cast<LateLog*>(draft.log)->queued(*ticket);
    }
    return {.first = static_cast<LateLog*>(first.log)->queued(*ticket - durable + 1),
            .copies = drafts.size() - 1};
  }
  ReceiptOfAll receipt = MemoryBroker().append_all(in_memory);
  if (durable == 0 || receipt.first.duplicate || receipt.first.refusal != Receipt::Refusal::kNone) {
    return receipt;
  }
  const auto logs = [&drafts](auto&& see) {
    for (const Draft& draft : drafts) {
      if (draft.log->is_durable()) see(static_cast<LateLog&>(*draft.log));
    }
  };
  if (const auto ticket = queue(std::move(batch))) {
    logs([&](LateLog& log) { (void)log.queued(*ticket); });
    receipt.copies += durable;
    receipt.copies_ticket = *ticket;
  }
  return receipt;
}

Outcome LateBroker::outcome(Ticket ticket) const {
  const std::lock_guard lock(mutex_);
  return outcomes_.at(ticket);
}

Health LateBroker::health() const {
  return {.problem = connected_ ? "" : "the far end is away", .damage = {}};
}

void LateBroker::cut(Waiting waiting) {
  std::deque<Batch> lost;
  {
    const std::lock_guard lock(mutex_);
    connected_ = false;
    if (waiting == Waiting::kIsLost) lost.swap(batches_);
  }
  if (callbacks_.health_changed) callbacks_.health_changed("the far end is away");
  lose(lost);
}

void LateBroker::connect() {
  {
    const std::lock_guard lock(mutex_);
    connected_ = true;
    wake_.notify_all();
  }
  if (callbacks_.health_changed) callbacks_.health_changed("");
}

void LateBroker::lose_events() {
  far_end_->lose_events();
  std::set<LateLog*> logs;
  {
    const std::lock_guard lock(mutex_);
    logs = logs_;
  }
  for (LateLog* log : logs) log->look_again();
}

void LateBroker::ask(std::function<void()> question) {
  const std::lock_guard lock(mutex_);
  questions_.push_back(std::move(question));
  wake_.notify_all();
}

// --- The thread --------------------------------------------------------------

void LateBroker::run() {
  std::deque<Batch> batches;
  std::deque<std::function<void()>> questions;
  while (take(batches, questions)) {
    for (const auto& question : questions) question();
    questions.clear();
    if (batches.empty()) continue;
    send(batches);
    batches.clear();
    tell_settled();
  }
}

bool LateBroker::take(std::deque<Batch>& batches, std::deque<std::function<void()>>& questions) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !questions_.empty() || (connected_ && !batches_.empty()); });
  if (!stopping_) {
    const auto wait =
        std::chrono::microseconds(random_() % (static_cast<unsigned long>(temper_.longest_wait.count()) + 1));
    lock.unlock();
    std::this_thread::sleep_for(wait);
    maybe_lose_connection();
    lock.lock();
  }
  questions.swap(questions_);
  if (stopping_) questions.clear();
  if (!connected_) return true;
  // Not always all that waits.
  for (std::size_t left = 1 + random_() % 64; (left > 0 || stopping_) && !batches_.empty(); --left) {
    batches.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  return !stopping_ || !batches.empty();
}

void LateBroker::maybe_lose_connection() {
  if (temper_.cut_one_in == 0 || random_() % temper_.cut_one_in != 0) return;
  cut(random_() % 2 == 0 ? Waiting::kIsLost : Waiting::kIsSentLater);
  std::this_thread::sleep_for(std::chrono::milliseconds(1 + random_() % 3));
  connect();
}

void LateBroker::send(std::deque<Batch>& batches) {
  for (Batch& batch : batches) send(batch);
}

void LateBroker::send(Batch& batch) {
  Ticket ticket = batch.ticket;
  std::vector<std::pair<Ticket, Outcome>> outcomes;
  for (auto& [log, event] : batch.events) {
    // Copies of an event that was there before are there as well.
    if (ticket != batch.ticket && outcomes.front().second.duplicate) {
      outcomes.emplace_back(ticket++, Outcome{.duplicate = true});
      continue;
    }
    const FarEnd::Answer answer = log->send(event);
    const bool duplicate = answer.entry.frame == nullptr;
    if (!duplicate) log->bring({&answer.entry, 1});
    outcomes.emplace_back(ticket++,
                          Outcome{.duplicate = duplicate, .offset = answer.offset, .epoch = answer.epoch});
  }
  if (!outcomes.front().second.duplicate) {
    for (auto& [log, event] : batch.in_memory) {
      Draft draft{.event = view_of(event), .by = {}, .received = event.received};
      log.append(draft);
    }
  }
  for (auto& [each, outcome] : outcomes) settle(each, std::move(outcome));
}

void LateBroker::settle(Ticket ticket, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  outcomes_.emplace(ticket, std::move(outcome));
  // What was lost may have been settled before what is older.
  Ticket settled = settled_.load();
  while (outcomes_.contains(settled + 1)) ++settled;
  settled_.store(settled, std::memory_order_release);
}

void LateBroker::lose(std::deque<Batch>& batches) {
  for (const Batch& batch : batches) {
    for (std::size_t i = 0; i < batch.events.size(); ++i) settle(batch.ticket + i, {.lost = true});
  }
  batches.clear();
  tell_settled();
}

void LateBroker::tell_settled() const {
  if (callbacks_.settled) callbacks_.settled();
}

}  // namespace wskit::server::broker
