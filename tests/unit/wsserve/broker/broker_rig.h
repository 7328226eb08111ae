// Brokers of each kind for tests, with logs that note what they were brought.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "late_broker.h"
#include "support/scratch_folder.h"

namespace wskit::server::broker {

// A log with its channel's mutex, and what was brought. The mutex guards both.
class OpenLog final : private Log::Listener {
 public:
  OpenLog(Broker& broker, const Shared& shared, std::string name);

  [[nodiscard]] Receipt append(Draft& draft);
  // Of the log's own; by no mark.
  [[nodiscard]] Draft draft(std::string_view data = "1") const;
  [[nodiscard]] Log& log() { return *log_; }
  [[nodiscard]] std::mutex& mutex() { return mutex_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Head head();
  // "1 2 3 broken 7 8": the offsets that were brought.
  [[nodiscard]] std::string told();
  [[nodiscard]] std::vector<ChunkPtr> frames();
  [[nodiscard]] std::string epoch();

 private:
  void appended(std::span<const Entry> entries) noexcept override;
  void broken(const Head& now) override;
  void note(const ChunkPtr& frame);

  const std::string name_;
  std::mutex mutex_;
  std::string told_;
  std::string epoch_;
  std::vector<ChunkPtr> frames_;
  std::unique_ptr<Log> log_;
};

enum class Kind : std::uint8_t { kMemory, kSqlite, kLate };

class BrokerRig : public testing::Test {
 protected:
  explicit BrokerRig(Kind kind) : kind_(kind) { start(); }
  ~BrokerRig() override { stop(); }

  void start();
  void stop();
  // Another run of the server.
  void restart() {
    stop();
    start();
  }

  // Opened when it is first named.
  OpenLog& log(const std::string& name);
  // Publishes an event.
  Receipt publish(const std::string& name, std::string_view dedup = {}, std::string_view data = "1");
  Receipt publish_numbered(const std::string& name, const ProducerPtr& producer, std::int64_t sequence);
  Receipt append(OpenLog& log, Draft draft);
  // Appends one event to several logs.
  ReceiptOfAll append_all(const std::vector<std::string>& names, std::string_view dedup = {});
  // Waits until all that was published is settled.
  void settle();
  // What became of a published event, once it is settled.
  Outcome outcome(const Receipt& receipt);
  // Waits for what the log reads, as offsets: "2 3", or "gap".
  std::string read(const std::string& name, std::uint64_t after, std::uint64_t up_to);
  Located locate(const std::string& name, protocol::SystemMicros time);

  [[nodiscard]] Broker& broker() { return *broker_; }
  [[nodiscard]] LateBroker& late() { return dynamic_cast<LateBroker&>(*broker_); }
  [[nodiscard]] bool is_durable() const { return kind_ != Kind::kMemory; }
  [[nodiscard]] Producers& producers() { return producers_; }

  protocol::SystemMicros now_ = protocol::system_now();

 private:
  const Kind kind_;
  const test::ScratchFolder scratch_;
  MemoryBudget budget_{std::size_t{1} << 30};
  Producers producers_;
  AgeClock ages_;
  const Shared shared_{budget_, producers_, ages_};
  std::shared_ptr<FarEnd> far_end_ = std::make_shared<FarEnd>();
  std::unique_ptr<Broker> broker_;
  std::map<std::string, OpenLog> logs_;
  std::atomic<Ticket> last_{0};
};

}  // namespace wskit::server::broker
