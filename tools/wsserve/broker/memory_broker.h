// Logs that live and end with the process. A log remembers ids and sequences; the events
// themselves are in its channel's history and nowhere else.
//
// Threads: as Broker. It has no threads of its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wsserve/broker/broker.h"

namespace wskit::server::broker {

class MemoryLog final : public Log {
 public:
  MemoryLog(const Opening& opening, Listener& listener);

  [[nodiscard]] Receipt append(Draft& draft) override;
  [[nodiscard]] std::optional<Receipt> check_sequence(const Producer& producer, std::int64_t sequence,
                                                      protocol::SystemMicros now) override;
  [[nodiscard]] Head head() const override { return {epoch_, newest_, newest_ + 1}; }
  [[nodiscard]] bool is_unused() const override;
  [[nodiscard]] bool is_empty() const override;
  void set_retention(const Retention& retention) override { marks_.set_limits(retention.dedup); }
  void expire(protocol::SystemMicros now) override { marks_.expire(now); }
  void close() override {}
  // It has nothing to read, and says so at once.
  void read(std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then) override;
  void locate(protocol::SystemMicros time, std::function<void(Located)> then) override;

  // append() in its steps, for events that are appended together: what may fail, and what may
  // not, which brings the event by appended().
  [[nodiscard]] std::optional<Receipt> recognise(const Recognition& by, protocol::SystemMicros now);
  [[nodiscard]] RecentMarks& marks() { return marks_; }
  [[nodiscard]] std::uint64_t next() const { return newest_ + 1; }
  [[nodiscard]] ChunkPtr next_frame(Draft& draft) const;
  void take(ChunkPtr frame, protocol::SystemMicros received) noexcept;

  // An event for the log that is on its way in another one: the log is not closed before.
  class Awaited {
   public:
    explicit Awaited(MemoryLog& log) : log_(&log) { ++log_->awaited_; }
    ~Awaited() {
      if (log_ != nullptr) --log_->awaited_;
    }
    Awaited(Awaited&& other) noexcept : log_(std::exchange(other.log_, nullptr)) {}
    Awaited& operator=(Awaited&&) = delete;
    // Takes the channel's mutex.
    void append(Draft& draft) const;

   private:
    MemoryLog* log_;
  };

 private:
  std::uint64_t newest_ = 0;  // first, for an event without a mark touches nothing else
  Listener& listener_;
  std::mutex& mutex_;
  const std::string epoch_;
  RecentMarks marks_;
  std::atomic<std::uint32_t> awaited_{0};
};

class MemoryBroker final : public Broker {
 public:
  MemoryBroker() : Broker(false) {}

  void start(Callbacks callbacks) override;
  void stop() override {}
  [[nodiscard]] std::unique_ptr<Log> open(const Opening& opening, Log::Listener& listener) override;
  [[nodiscard]] std::vector<std::string> channels() const override { return {}; }
  [[nodiscard]] ReceiptOfAll append_all(std::span<Draft> drafts) override;
  [[nodiscard]] Ticket settled() const override { return 0; }
  [[nodiscard]] Outcome outcome(Ticket) const override { return {}; }
  [[nodiscard]] bool is_available() const override { return true; }
  [[nodiscard]] bool is_crowded() const override { return false; }
  [[nodiscard]] Health health() const override { return {}; }
  [[nodiscard]] std::optional<Figures> figures() const override { return std::nullopt; }
};

// What append() says of an event that is not new, or perhaps is not; nothing: it is new.
[[nodiscard]] std::optional<Receipt> receipt_of(const RecentMarks::Verdict& verdict);

}  // namespace wskit::server::broker
