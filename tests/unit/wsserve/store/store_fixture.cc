#include "store_fixture.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <future>
#include <limits>
#include <thread>

#include "wsserve/frame/event_frame.h"
#include "wsserve/store/database.h"

namespace wskit::server::store {

// --- Listener ------------------------------------------------------------

void Listener::committed(std::span<const Record> records) {
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t first = records.front().frame->event.offset;
    std::uint64_t expected = first;
    for (const Record& each : records) EXPECT_EQ(each.frame->event.offset, expected++);
    newest_ = expected - 1;
    told_ += fmt::format("{}{}", told_.empty() ? "" : " ", first);
    if (newest_ != first) told_ += fmt::format("-{}", newest_);
    ++commits_;
  }
  // A copy, for it may take itself out.
  if (const auto action = on_commit) action();
}

void Listener::rolled_back() {
  const std::lock_guard lock(mutex_);
  told_ += told_.empty() ? "back" : " back";
  ++times_rolled_back_;
}

std::string Listener::told() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

std::uint64_t Listener::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::size_t Listener::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

std::size_t Listener::times_rolled_back() const {
  const std::lock_guard lock(mutex_);
  return times_rolled_back_;
}

Retention keep_everything() {
  Retention retention;
  retention.history.max_events = std::numeric_limits<std::size_t>::max();
  retention.history.max_bytes = std::numeric_limits<std::size_t>::max();
  retention.history.max_age = {};
  retention.dedup.max_ids = 0;
  return retention;
}

// --- StoreFixture --------------------------------------------------------

StoreFixture::StoreFixture() {
  path_ = (folder_ / "events.db").string();
  options_.path = path_;
  options_.make_epoch = [this] { return fmt::format("new{}", ++epochs_); };
  options_.retention_for = [this](std::string_view) { return retention_; };
  options_.clock = [this] { return now_.load(); };
  options_.even_clock = [this] { return now_.load().time_since_epoch() - jumped_.load(); };
}

StoreFixture::~StoreFixture() { close(); }

void StoreFixture::open() {
  auto opened = Store::open(options_);
  ASSERT_TRUE(opened) << opened.error().message;
  store_ = std::move(*opened);
  listeners_.clear();
  offsets_.clear();
  last_ = 0;
  for (StoredChannel* each : store_->channels()) offsets_[each->name()] = each->newest_at_open();
  const auto notify = [this] {
    const std::lock_guard lock(mutex_);
    settled_.notify_all();
  };
  store_->start({.settled = notify,
                 .availability =
                     [this, notify](bool available, const std::string& reason) {
                       {
                         const std::lock_guard lock(mutex_);
                         availability_.push_back(available ? "available" : reason);
                       }
                       notify();
                     },
                 .remark =
                     [this](const std::string& line) {
                       const std::lock_guard lock(mutex_);
                       remarks_.push_back(line);
                     },
                 .caught = {}});
}

std::string StoreFixture::refusal() {
  auto opened = Store::open(options_);
  return opened ? std::string() : opened.error().message;
}

void StoreFixture::close() {
  if (store_ == nullptr) return;
  store_->stop();
  store_.reset();
}

void StoreFixture::die() {
  const std::filesystem::path grave = folder_ / fmt::format("dead{}", ++deaths_);
  std::filesystem::create_directory(grave);
  for (const char* part : {"", "-wal", "-lock"}) {
    std::filesystem::copy_file(path_ + part, (grave / "events.db").string() + part);
  }
  close();
  path_ = (grave / "events.db").string();
  options_.path = path_;
}

StoredChannel& StoreFixture::channel(const std::string& name) {
  return store_->channel(name, retention_, "E1");
}

Record StoreFixture::record(const std::string& name, std::uint64_t offset, std::string_view data,
                            std::string_view dedup) {
  protocol::EventView event;
  event.type = "trade";
  event.channel = name;
  event.offset = offset;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.data = data;
  return {.channel = &channel(name),
          .sink = &listeners_[name],
          .frame = build_event_frame(event),
          .received = now_.load(),
          .dedup = std::string(dedup)};
}

std::optional<Ticket> StoreFixture::publish(const std::string& name, std::string_view data,
                                            std::string_view dedup) {
  std::uint64_t& newest = offsets_[name];
  const auto ticket = store_->append(record(name, newest + 1, data, dedup));
  if (ticket) {
    ++newest;
    last_ = *ticket;
  }
  return ticket;
}

void StoreFixture::publish_many(const std::string& name, std::size_t events, std::string_view data) {
  for (std::size_t i = 0; i != events; ++i) ASSERT_TRUE(publish(name, data));
}

void StoreFixture::await(const std::function<bool()>& condition) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(settled_.wait_for(lock, kDeadline, condition)) << "nothing came of it";
}

void StoreFixture::poll(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing came of it";
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

void StoreFixture::settle() {
  await([this] { return store_->settled() >= last_; });
}

Part StoreFixture::read(const std::string& name, std::uint64_t after, std::uint64_t up_to,
                        std::size_t max_bytes) {
  std::promise<Part> promise;
  auto future = promise.get_future();
  const std::uint64_t newest = std::max(listeners_[name].newest(), channel(name).newest_at_open());
  store_->read(channel(name), after, std::min(up_to, newest), max_bytes,
               [&promise](Part part) { promise.set_value(std::move(part)); });
  EXPECT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  return future.get();
}

Located StoreFixture::locate(const std::string& name, protocol::SystemMicros time) {
  std::promise<Located> promise;
  auto future = promise.get_future();
  store_->locate(channel(name), time, [&promise](Located located) { promise.set_value(std::move(located)); });
  EXPECT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  return future.get();
}

std::string StoreFixture::offsets(const std::string& name, std::uint64_t after, std::uint64_t up_to) {
  const Part part = read(name, after, up_to);
  if (part.gap) return "gap";
  if (!part.error.empty()) return part.error;
  std::string text;
  if (part.lost_up_to != 0) text = fmt::format("lost to {}:", part.lost_up_to);
  for (const ChunkPtr& frame : part.frames) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", frame->event.offset);
  }
  return text;
}

std::vector<std::string> StoreFixture::sql(const std::string& statement) {
  Database database(path_, Access::kReadWrite);
  Statement query(database, statement);
  std::vector<std::string> rows;
  while (query.step()) rows.emplace_back(query.text(0));
  return rows;
}

}  // namespace wskit::server::store
