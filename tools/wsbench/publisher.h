// One publishing connection: makes its events when they may go and writes them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wsbench/adapter.h"
#include "wsbench/clock.h"
#include "wsbench/histogram.h"
#include "wsbench/schedule.h"
#include "wsbench/secure_socket.h"
#include "wsbench/window.h"

namespace wskit::bench {

struct PublisherPlan {
  std::uint32_t run = 0;
  std::uint16_t index = 0;
  Nanos base = 0;  // of the stamps' times
  Topology topology;
  bool acknowledged = false;
  std::optional<std::uint32_t> window;  // closed loop; else open, by a schedule
};

// Threads: any thread may pump() at any time; one of them does the work, and it sees
// what the others asked for. attach() happens before.
class Publisher {
 public:
  Publisher(PublisherPlan plan, std::unique_ptr<EventEncoder> encoder);

  // The connection is open; `fd` and `tls` (null: plain) stay the caller's, and open as
  // long as anyone pumps.
  void attach(int fd, SecureSocket* tls = nullptr);

  // One event to each of its channels, to see that they arrive.
  void probe();

  // From here on events flow: by the window, or by the schedule of an open loop.
  void start(std::optional<Schedule> schedule);
  // Nothing but control frames is made any more: sent() is final when this returns. It
  // waits for a pump() that is at work, which may have looked just before.
  void stop();

  // Sends what may go now. Late departures are recorded in `lag`.
  void pump(Histogram& lag);

  // A pong or close frame, before the next event.
  void send_control(std::string_view frame);

  // Closed loop: `deliveries` more subscribers (or its acknowledgement) have the
  // event. True if it is complete.
  bool received(std::uint64_t sequence, std::uint32_t deliveries);
  // Gives up what was sent before `deadline`, at the next pump().
  void expire_before(Nanos deadline) { expire_before_.store(deadline, std::memory_order_release); }

  // When an event was due and sent (since the base); for acknowledgements. Nothing
  // where it is too long ago.
  struct Times {
    Nanos due;
    Nanos sent;
  };
  [[nodiscard]] std::optional<Times> times_of(std::uint64_t sequence) const;

  [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_acquire); }
  // Open loop: when the next event is due, in clock time.
  [[nodiscard]] Nanos next_due() const { return next_due_.load(std::memory_order_acquire); }

 private:
  struct Departure {
    std::atomic<std::uint64_t> sequence{UINT64_MAX};
    std::atomic<Nanos> due{0};
    std::atomic<Nanos> sent{0};
  };

  void work(Histogram& lag);
  bool flush();
  bool encode_some(Histogram& lag);
  void append(Nanos due, Nanos sent);

  PublisherPlan plan_;
  std::unique_ptr<EventEncoder> encoder_;
  int fd_ = -1;
  SecureSocket* tls_ = nullptr;

  // How many calls of pump() have come since the worker among them last looked.
  std::atomic<std::uint32_t> requests_{0};
  std::atomic<bool> flowing_{false};
  std::atomic<std::uint32_t> probes_{0};
  std::atomic<Nanos> expire_before_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<Nanos> next_due_{INT64_MAX};

  std::mutex control_mutex_;
  std::string control_;  // guarded by control_mutex_
  std::atomic<bool> has_control_{false};

  // Of the thread that works.
  std::string out_;
  std::size_t written_ = 0;  // of out_
  std::uint64_t next_ = 0;
  std::unique_ptr<Window> window_;
  std::optional<Schedule> schedule_;
  std::unique_ptr<Departure[]> departures_;  // a ring; only where acknowledgements come
};

}  // namespace wskit::bench
