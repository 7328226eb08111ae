// The receiving end of the fan-out: a connection, or a recorder in a test.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "wsserve/frame/chunk.h"

namespace wskit::server {

class Channel;

// How a subscriber wants its frames.
enum class WireForm : std::uint8_t {
  kPlain,
  kDeflated,  // compressed once for all, no context takeover
  kCbor,      // binary messages, once for all
  kOwn,       // plain frames, one by one: the subscriber compresses them itself
};

// Threads: one, the shard's.
class Subscriber {
 public:
  // Takes the events of one turn, as one run of whole frames. Must not change
  // the subscriptions of anybody.
  virtual void deliver(const ChunkPtr& run, std::uint32_t events) = 0;
  // The same for WireForm::kOwn.
  virtual void deliver_each(std::span<const ChunkPtr> frames) = 0;
  // One event of a channel that the subscriber follows by its newest events:
  // may wait, and be replaced, while the subscriber is congested or has had one
  // of the same key less than `interval` ago. One that does neither is handed on
  // like any other.
  virtual void deliver_latest(const Channel& /*channel*/, const ChunkPtr& frame,
                              std::chrono::steady_clock::duration /*interval*/) {
    deliver(frame, 1);
  }
  // Nothing is to be replaced any more: what waits by deliver_latest() goes on
  // before anything else.
  virtual void settle() {}
  // Hands on what waits of that channel: one that may not wait follows.
  virtual void deliver_waiting(const Channel& /*channel*/) {}
  // The channel's log was broken: what is delivered of it from here on is of another epoch.
  virtual void channel_broke(const Channel& /*channel*/) {}
  // Events for it are lost, for something was thrown: it must not be handed anything that
  // follows. Called while the exception is handled.
  virtual void delivery_failed() noexcept {}
  // That many events of this turn did not pass the subscription's type filter.
  virtual void count_filtered(std::uint32_t events) = 0;

  [[nodiscard]] WireForm wire_form() const { return wire_form_; }

 protected:
  virtual ~Subscriber() = default;
  void set_wire_form(WireForm form) { wire_form_ = form; }
  // Whether events would have to wait.
  void set_congested(bool congested) { congested_ = congested; }
  // Whether events given to deliver_latest() do wait.
  void set_waiting(bool waiting) { waiting_ = waiting; }

 private:
  friend class Fanout;
  // Channels whose history the subscriber is still reading, or has just read:
  // deliveries up to that number are not for it.
  using Holds = std::unordered_map<const Channel*, std::uint64_t>;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // The events that this turn holds for the subscriber: a list in Fanout::interests_, begun
  // if turn_ is the current turn, handed over if it is empty again.
  std::uint64_t turn_ = 0;
  std::uint32_t first_interest_ = kNone;
  std::uint32_t last_interest_ = kNone;
  WireForm wire_form_ = WireForm::kPlain;
  bool congested_ = false;
  bool waiting_ = false;
  bool forgotten_ = false;
  std::uint32_t passing_holds_ = 0;  // how often Fanout::passing_holds_ refers to it
  std::unique_ptr<Holds> holds_;     // null: none, the common case
};

}  // namespace wskit::server
