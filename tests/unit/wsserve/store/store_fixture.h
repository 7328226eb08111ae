// A store in a folder of its own, and the small language of its tests:
// publish("news") appends the channel's next event, settle() waits until all that
// was appended is decided, told() is what the channel was told.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/scratch_folder.h"
#include "wsserve/store/store.h"

namespace wskit::server::store {

inline constexpr std::chrono::seconds kDeadline{30};

// A channel that notes what it is told. Any thread.
class Listener final : public Sink {
 public:
  void committed(std::span<const Record> records) override;
  void rolled_back() override;

  // "1-3 4 back 5": the offsets of each commit, and where all since was taken back.
  [[nodiscard]] std::string told() const;
  // The newest committed offset.
  [[nodiscard]] std::uint64_t newest() const;
  [[nodiscard]] std::size_t commits() const;
  [[nodiscard]] std::size_t times_rolled_back() const;

  // What happens on the writer's thread within committed().
  std::function<void()> on_commit;

 private:
  mutable std::mutex mutex_;
  std::string told_;
  std::uint64_t newest_ = 0;
  std::size_t commits_ = 0;
  std::size_t times_rolled_back_ = 0;
};

// Every event, for ever, and no ids.
[[nodiscard]] Retention keep_everything();

class StoreFixture : public testing::Test {
 protected:
  StoreFixture();
  ~StoreFixture() override;

  // Opens and starts the store; fails the test if it is refused.
  void open();
  // Why it is refused; "" if it is not.
  std::string refusal();
  void close();
  void reopen() {
    close();
    open();
  }

  StoredChannel& channel(const std::string& name);
  Listener& listener(const std::string& name) { return listeners_[name]; }

  // Appends the channel's next event; its ticket, or nothing.
  std::optional<Ticket> publish(const std::string& name, std::string_view data = "1",
                                std::string_view dedup = {});
  void publish_many(const std::string& name, std::size_t events, std::string_view data = "1");
  // The record of an event that is not appended yet.
  Record record(const std::string& name, std::uint64_t offset, std::string_view data = "1",
                std::string_view dedup = {});
  void settle();
  // The next event to publish follows what is committed.
  void forget_unsettled(const std::string& name) { offsets_[name] = listeners_[name].newest(); }

  // Waits for what the store answers.
  Part read(const std::string& name, std::uint64_t after, std::uint64_t up_to = UINT64_MAX,
            std::size_t max_bytes = SIZE_MAX);
  Located locate(const std::string& name, protocol::SystemMicros time);
  // "2 3 4", "gap", or the error.
  std::string offsets(const std::string& name, std::uint64_t after, std::uint64_t up_to = UINT64_MAX);

  // Waits until `condition` holds after something was settled or became available.
  void await(const std::function<bool()>& condition);

  // The same for what the store does in its own time.
  static void poll(const std::function<bool()>& condition);

  // Runs SQL on the file from outside; the first column of each row.
  std::vector<std::string> sql(const std::string& statement);

  const test::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
  std::string path_;
  Options options_;
  Retention retention_ = keep_everything();
  // The store's clock, and when events are received.
  // The wall clock is set; the time that goes on evenly stays as it is.
  void set_clock(std::chrono::microseconds by) {
    jumped_ = jumped_.load() + by;
    now_ = now_.load() + by;
  }
  std::atomic<std::chrono::microseconds> jumped_{std::chrono::microseconds{0}};
  std::atomic<protocol::SystemMicros> now_{protocol::SystemMicros{std::chrono::hours{24 * 365 * 50}}};
  std::unique_ptr<Store> store_;
  std::map<std::string, std::uint64_t> offsets_;  // the newest appended
  std::map<std::string, Listener> listeners_;
  // What a server that is killed now would leave behind, in a folder of its own; from
  // now on the fixture's file is that one. REQUIRES: all is settled.
  void die();

  std::vector<std::string> remarks_;       // what it said besides
  std::vector<std::string> availability_;  // what the store said of itself; after await or close

 private:
  std::mutex mutex_;
  std::condition_variable settled_;
  Ticket last_ = 0;
  int epochs_ = 0;
  int deaths_ = 0;
};

}  // namespace wskit::server::store
