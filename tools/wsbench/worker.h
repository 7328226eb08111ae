// One thread of the client: opens its share of the connections, then receives as
// cheaply as it can: one buffer, one loop, frames read where the kernel put them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "wsbench/clock.h"
#include "wsbench/frame_scanner.h"
#include "wsbench/histogram.h"
#include "wsbench/process_meter.h"
#include "wsbench/run_context.h"
#include "wsbench/sequence_check.h"
#include "wsbench/socket.h"

namespace wskit::bench {

// What a worker measured. Read it after join().
struct WorkerResults {
  Histogram tcp;        // connect() to connected
  Histogram tls;        // hello sent to shaken hands
  Histogram upgrade;    // request sent to 101
  Histogram subscribe;  // command sent to reply
  Histogram total;
  Histogram latency;  // from the due time; open loop only
  Histogram service;  // from the actual send
  Histogram ack;
  Histogram lag;
  Faults faults;
  std::uint64_t delivered_bytes = 0;
};

// Of a worker while it runs. Any thread.
struct WorkerCounters {
  std::atomic<std::uint64_t> open{0};    // connections ready for use
  std::atomic<std::uint64_t> failed{0};  // that never were
  std::atomic<std::uint64_t> lost{0};    // that were and no longer are
  std::atomic<std::uint64_t> probed{0};  // channels of subscribers (or publishers) that have been heard from
  std::atomic<std::uint64_t> deliveries{0};
  std::atomic<std::uint64_t> acks{0};
};

class Worker {
 public:
  // `context` outlives the worker.
  explicit Worker(RunContext& context);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before start(): what it is to connect; `number` among all connections.
  void add_subscriber(std::uint32_t subscriber, std::size_t number);
  void add_publisher(std::uint32_t publisher, std::size_t number);

  // `cpus`: where its thread may run; empty: anywhere.
  void start(std::vector<int> cpus);
  void stop();
  void join();

  // Any thread: lets this one pump its publishers.
  void poke();

  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  // What the thread has used, and has waited for a CPU. While it runs.
  [[nodiscard]] ThreadLoad load() const;

  // After join().
  [[nodiscard]] const WorkerResults& results() const { return results_; }
  // Adds up what is missing now that nothing more comes.
  [[nodiscard]] Faults faults() const;

 private:
  enum class State : std::uint8_t {
    kWaiting,
    kConnecting,
    kHandshaking,
    kUpgrading,
    kSubscribing,
    kOpen,
    kClosed
  };

  struct Connection {
    int fd = -1;
    std::unique_ptr<SecureSocket> tls;  // null: plain
    State state = State::kWaiting;
    bool publishes = false;
    bool probed = false;
    std::uint32_t index = 0;    // of the subscriber or publisher
    std::uint32_t channel = 0;  // of a subscriber
    std::size_t first_check = 0;
    std::string unread;  // the beginning of a frame or response
    std::unique_ptr<std::string> fragments;
    std::size_t number = 0;
    Nanos began = 0;
    Nanos step_began = 0;
  };

  // Deliveries of one event in this turn, to be told to its window all at once.
  struct Tally {
    std::uint64_t sequence = 0;
    std::uint32_t deliveries = 0;
  };

  void run();
  void begin_connections();
  [[nodiscard]] int wait_milliseconds() const;
  void handle(Connection& connection, std::uint32_t events);
  void on_connected(Connection& connection);
  void on_established(Connection& connection);
  void on_tls_end(Connection& connection, int error);
  void request_upgrade(Connection& connection);
  static ssize_t receive_some(Connection& connection, std::span<char> room);
  static bool send_whole(Connection& connection, std::string_view bytes);
  // kShort: a read that leaves room has taken all there was, and what comes later is
  // a new event. The end of a stream that came with its last bytes is not: kEnd.
  enum class ReadUntil : std::uint8_t { kShort, kEnd };
  void receive(Connection& connection, ReadUntil until);
  bool on_response(Connection& connection, std::string_view& bytes);
  void subscribe(Connection& connection);
  void become_open(Connection& connection);
  bool on_frame(Connection& connection, const ScannedFrame& frame);
  void on_message(Connection& connection, std::string_view message);
  void on_delivery(Connection& connection, const char* stamp_text);
  void on_ack(Connection& connection, std::uint64_t sequence);
  void on_server_message(Connection& connection, std::string_view message);
  void count_towards_window(std::uint32_t publisher, std::uint64_t sequence);
  void tell_window(std::uint32_t publisher, Tally& tally);
  void on_wake();
  void finish_turn();
  void send_frame(Connection& connection, websocket::Opcode opcode, std::string_view payload);
  void close_connection(Connection& connection, const std::string& reason);
  void fail_connection(Connection& connection, Failure::Kind kind, const std::string& reason);

  RunContext& context_;
  Descriptor epoll_;
  Descriptor wake_;
  std::vector<Connection> connections_;
  std::vector<SequenceCheck> checks_;  // of each subscriber, one for each publisher of its channel
  std::vector<char> buffer_;
  websocket::MaskSource masks_;
  WorkerResults results_;
  WorkerCounters counters_;

  // Of the current turn.
  Nanos received_at_ = 0;
  Nanos measure_from_ = 0;
  Nanos measure_to_ = 0;
  std::uint64_t deliveries_ = 0;
  std::uint64_t acks_ = 0;
  std::vector<std::vector<Tally>> tallies_;                     // by publisher and the low bits of the number
  std::vector<std::pair<std::uint32_t, std::size_t>> touched_;  // tallies that are not 0
  std::vector<std::uint32_t> to_pump_;                          // publishers whose window opened

  // While connecting.
  std::size_t begun_ = 0;
  std::size_t in_progress_ = 0;
  Nanos connecting_since_ = 0;

  std::atomic<bool> stopping_{false};
  std::atomic<int> thread_id_{0};
  std::thread thread_;
};

}  // namespace wskit::bench
