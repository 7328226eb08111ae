// The broker of a server with a store: durable logs are in its SQLite file, all others in
// memory. An event of a durable log is brought once it is on disk.
//
// Threads: as broker::Broker; its own are the store's.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wsserve/broker/memory_broker.h"
#include "wsserve/store/store.h"

namespace wskit::server::store {

// A durable log.
class SqliteLog final : public broker::Log, private Sink {
 public:
  SqliteLog(Store& store, const broker::Opening& opening, Listener& listener);

  [[nodiscard]] broker::Receipt append(broker::Draft& draft) override;
  [[nodiscard]] std::optional<broker::Receipt> check_sequence(const Producer& producer, std::int64_t sequence,
                                                              protocol::SystemMicros now) override;
  [[nodiscard]] broker::Head head() const override;
  [[nodiscard]] bool is_unused() const override;
  [[nodiscard]] bool is_empty() const override { return false; }
  void set_retention(const Retention& retention) override;
  void expire(protocol::SystemMicros now) override { marks_.expire(now); }
  void close() override;
  void read(std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then) override;
  void locate(protocol::SystemMicros time, std::function<void(Located)> then) override;

  // append() in its steps, for events that are appended together.
  [[nodiscard]] std::optional<broker::Receipt> recognise(const broker::Recognition& by,
                                                         protocol::SystemMicros now);
  [[nodiscard]] broker::RecentMarks& marks() { return marks_; }
  [[nodiscard]] std::uint64_t next() const { return assigned_ + 1; }
  [[nodiscard]] Record record(broker::Draft& draft);
  [[nodiscard]] broker::Receipt queued(std::uint64_t offset, Ticket ticket);

 private:
  void remember_stored(Producers& producers);
  // Sink, on the writer's thread.
  void committed(std::span<const Record> records) override;
  void rolled_back() override;

  Store& store_;
  StoredChannel& stored_;
  Listener& listener_;
  std::mutex& mutex_;
  std::uint64_t newest_;    // brought
  std::uint64_t assigned_;  // of the newest event on its way to the store
  Ticket ticket_ = 0;       // of that event
  broker::RecentMarks marks_;
};

class SqliteBroker final : public broker::Broker {
 public:
  // `store`: opened and not yet started.
  explicit SqliteBroker(std::unique_ptr<Store> store);

  void start(broker::Callbacks callbacks) override;
  void stop() override;
  [[nodiscard]] std::unique_ptr<broker::Log> open(const broker::Opening& opening,
                                                  broker::Log::Listener& listener) override;
  [[nodiscard]] std::vector<std::string> channels() const override;
  [[nodiscard]] broker::ReceiptOfAll append_all(std::span<broker::Draft> drafts) override;
  [[nodiscard]] Ticket settled() const override { return store_->settled(); }
  [[nodiscard]] broker::Outcome outcome(Ticket ticket) const override;
  [[nodiscard]] bool is_available() const override { return store_->available(); }
  [[nodiscard]] bool is_crowded() const override { return store_->crowded(); }
  [[nodiscard]] broker::Health health() const override;
  [[nodiscard]] std::optional<broker::Figures> figures() const override { return store_->status(); }

 private:
  [[nodiscard]] broker::ReceiptOfAll append_to_memory(std::span<broker::Draft> drafts);
  [[nodiscard]] broker::ReceiptOfAll append_to_store(std::span<broker::Draft> drafts);

  const std::unique_ptr<Store> store_;
};

}  // namespace wskit::server::store
