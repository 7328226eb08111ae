// A broker whose durable logs are kept far away, as on a server that nodes share: offsets are
// known late, appending may be refused, and the connection may be lost, with all that waits or
// without a loss. It comes back by itself.
//
// Threads: as Broker; its own is the one that talks to the far end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "wsserve/broker/history.h"
#include "wsserve/broker/memory_broker.h"

namespace wskit::server::broker {

class LateLog;

// The far end: it outlives the brokers that are connected to it, one after the other.
// Threads: any.
class FarEnd {
 public:
  // An event on its way, with texts of its own.
  struct Event {
    std::string type, channel, timestamp, key, data;
    std::string mark;  // by which it is recognised; empty: it is not
    protocol::SystemMicros received;
  };
  struct Answer {
    Entry entry;  // no frame: a duplicate
    std::uint64_t offset = 0;
    std::string epoch;
  };

  // Where a log stands there. A log that is new gets `epoch` with its first event.
  struct Place {
    std::string epoch;
    std::uint64_t newest = 0;
    std::uint64_t oldest = 1;
  };
  [[nodiscard]] Place place(const std::string& channel, std::string_view epoch) const;
  [[nodiscard]] std::vector<std::string> channels() const;

  [[nodiscard]] Answer append(const Event& event, std::string_view epoch, const Retention& retention);
  [[nodiscard]] Part read(const std::string& channel, std::uint64_t after, std::uint64_t up_to,
                          std::size_t max_bytes) const;
  [[nodiscard]] Located locate(const std::string& channel, protocol::SystemMicros time) const;

  // Loses the events of every log, and begins another epoch behind them.
  void lose_events();

 private:
  struct Kept {
    explicit Kept(MemoryBudget& budget) : history(budget, true) {}
    std::string epoch;
    std::uint64_t newest = 0;
    History history;
    std::unordered_map<std::string, std::uint64_t> marks;
  };

  mutable std::mutex mutex_;
  MemoryBudget budget_{SIZE_MAX};
  std::map<std::string, Kept> logs_;
  int losses_ = 0;
};

class LateBroker final : public Broker {
 public:
  struct Temper {
    std::uint32_t seed = 0;
    std::chrono::microseconds longest_wait{300};  // before a batch goes out
    bool together = true;                         // logs of different channels can be written together
    std::size_t cut_one_in = 0;                   // of the batches are preceded by a lost connection; 0: none
  };
  LateBroker(std::shared_ptr<FarEnd> far_end, const Temper& temper);
  ~LateBroker() override;

  void start(Callbacks callbacks) override;
  void stop() override;
  [[nodiscard]] std::unique_ptr<Log> open(const Opening& opening, Log::Listener& listener) override;
  [[nodiscard]] std::vector<std::string> channels() const override { return far_end_->channels(); }
  [[nodiscard]] ReceiptOfAll append_all(std::span<Draft> drafts) override;
  [[nodiscard]] Ticket settled() const override { return settled_.load(std::memory_order_acquire); }
  [[nodiscard]] Outcome outcome(Ticket ticket) const override;
  [[nodiscard]] bool is_available() const override { return connected_.load(); }
  [[nodiscard]] bool is_crowded() const override { return false; }
  [[nodiscard]] Health health() const override;
  [[nodiscard]] std::optional<Figures> figures() const override { return std::nullopt; }

  // The connection is lost. Events that wait are lost too, or sent once it is back.
  enum class Waiting : std::uint8_t { kIsLost, kIsSentLater };
  void cut(Waiting waiting);
  void connect();
  // The far end loses its events: every log that has some is broken. REQUIRES: nothing is on
  // its way, and no log is opened or closed meanwhile.
  void lose_events();

 private:
  friend class LateLog;
  // Events that belong together, with the logs of their channels: the first is the one that
  // the others are copies of.
  struct Batch {
    Ticket ticket = 0;  // of the first
    std::vector<std::pair<LateLog*, FarEnd::Event>> events;
    std::vector<std::pair<MemoryLog::Awaited, FarEnd::Event>> in_memory;
  };

  // Nothing while there is no connection.
  [[nodiscard]] std::optional<Ticket> queue(Batch batch);
  void ask(std::function<void()> question);
  void run();
  // Waits for something to do. False: the end.
  bool take(std::deque<Batch>& batches, std::deque<std::function<void()>>& questions);
  void maybe_lose_connection();
  void send(std::deque<Batch>& batches);
  void send(Batch& batch);
  void settle(Ticket ticket, Outcome outcome);
  void lose(std::deque<Batch>& batches);
  void tell_settled() const;

  const std::shared_ptr<FarEnd> far_end_;
  const Temper temper_;
  std::minstd_rand random_;  // the thread's
  Callbacks callbacks_;
  std::thread thread_;
  std::atomic<bool> connected_{true};
  std::atomic<Ticket> settled_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<Batch> batches_;
  std::deque<std::function<void()>> questions_;
  std::map<Ticket, Outcome> outcomes_;
  std::set<LateLog*> logs_;
  Ticket last_ = 0;
  bool stopping_ = false;
};

}  // namespace wskit::server::broker
