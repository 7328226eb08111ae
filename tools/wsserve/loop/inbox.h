// What other threads hand to a shard: events for its subscribers, and things to
// do. Filled a piece at a time, emptied at once.
//
// Threads: push, post and pushed from any thread; the rest by the shard.
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "wsserve/frame/chunk.h"
#include "wsserve/loop/poller.h"

namespace wskit::server {

class Channel;

struct Delivery {
  Channel* channel;
  ChunkPtr frame;  // null: the channel was broken here, as Channel::broken_at() says
};

class Inbox final : public Pollable {
 public:
  using Task = std::function<void()>;

  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // The thread that empties the inbox at the end of its turns needs no waking.
  void owned_by_this_thread();

  // Where there is no memory for it, the delivery is lost, and the shard learns that.
  void push(Channel& channel, ChunkPtr frame) noexcept;
  // The events that follow are of another epoch of the channel.
  void push_break(Channel& channel) noexcept;
  void post(Task task);
  // An answer that some connection of the shard waits for will never come: it could not be
  // posted.
  void lose_answer() noexcept;
  // Wakes the shard, as a task with nothing to do would.
  void nudge() noexcept;

  // Whether so much waits that publishers should slow down. Exact enough without
  // the lock.
  [[nodiscard]] bool crowded() const {
    return waiting_bytes_.load(std::memory_order_relaxed) > kCrowdedBytes;
  }

  // How many deliveries were ever pushed.
  [[nodiscard]] std::uint64_t pushed() const;

  // Swaps the contents into the two (empty) vectors. Returns the number of the
  // first delivery taken, counting from 1.
  // `lost`: what never came, since the last call, in bits.
  std::uint64_t take(std::vector<Delivery>& deliveries, std::vector<Task>& tasks,
                     std::uint8_t* lost = nullptr) noexcept;
  static constexpr std::uint8_t kDeliveries = 1;
  static constexpr std::uint8_t kAnswers = 2;

  // Calls `see` with the number and channel of each event that waits.
  void look(const std::function<void(std::uint64_t, const Channel&)>& see) const;

  // Whether there is anything to take.
  [[nodiscard]] bool has_work() const;

  // Readable while there may be something to take.
  [[nodiscard]] int wake_fd() const { return event_fd_; }
  void on_ready(std::uint32_t events) override;

 private:
  // REQUIRES: mutex_ held, both.
  void add(Channel& channel, ChunkPtr frame, std::size_t bytes) noexcept;
  void wake();

  static constexpr std::size_t kCrowdedBytes = std::size_t{32} << 20;

  int event_fd_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Delivery> deliveries_;
  std::vector<Task> tasks_;
  std::uint64_t pushed_ = 0;
  std::atomic<std::size_t> waiting_bytes_{0};  // of deliveries_; written under the mutex
  bool woken_ = false;
  std::uint8_t lost_ = 0;  // kDeliveries, kAnswers
};

}  // namespace wskit::server
