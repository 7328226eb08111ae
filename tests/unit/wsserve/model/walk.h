// A random walk through a server's life: publishers and subscribers do whatever
// comes, all at the same time, and again and again everything is let come to rest
// and what each connection was told is judged against the reference.
//
// The server is the real one, with its threads and real sockets; the walk leads
// all its clients in one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "publisher.h"
#include "support/scratch_folder.h"
#include "tap.h"
#include "unit/wsserve/broker/late_broker.h"
#include "wsserve/server/server.h"

namespace wskit::server::model {

// What a walk went through, so that a test can tell that it went anywhere.
struct WalkTotals {
  std::uint64_t steps = 0;
  std::uint64_t published = 0;
  std::uint64_t delivered = 0;
  std::uint64_t merged = 0;
  std::uint64_t replayed = 0;
  std::uint64_t gaps = 0;
  std::uint64_t heartbeats = 0;
  std::uint64_t cuts = 0;      // connections lost by the client's doing
  std::uint64_t too_slow = 0;  // closed with 4008
  std::uint64_t restarts = 0;
  std::uint64_t losses = 0;  // of all events of a broker

  WalkTotals& operator+=(const WalkTotals& other);
  // In a line.
  [[nodiscard]] std::string describe() const;
};

class Walk {
 public:
  // `tamper`: made for each tap, null for an honest server.
  using MakeTamper = std::function<Tamper()>;
  // Where the server keeps its channels.
  enum class Keeps : std::uint8_t { kInMemory, kInStore, kFarAway };
  explicit Walk(std::uint32_t seed, Keeps keeps = Keeps::kInMemory, const MakeTamper& make_tamper = nullptr);
  ~Walk();
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // So many rounds of random steps. Ends early with the first complaint.
  void go(int rounds);

  [[nodiscard]] const std::string& complaint() const { return complaint_; }
  [[nodiscard]] const WalkTotals& totals() const { return totals_; }
  // The server's settings in a line, for the message of a failure.
  [[nodiscard]] std::string plan() const;

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Values>
  const auto& any_of(const Values& values) {
    return values[below(values.size())];
  }
  void complain(const std::string& what);

  // The server.
  [[nodiscard]] Settings some_settings();
  void start_server();
  [[nodiscard]] std::unique_ptr<broker::Broker> open_broker();
  [[nodiscard]] bool all_survive() const;
  [[nodiscard]] bool survives(const std::string& channel) const;
  void restart_server();
  void lose_events();
  [[nodiscard]] Publisher::Broker broker_for_publishers() const;
  void check_stats();

  // Steps; anything may be under way.
  void step();
  void publish(std::size_t events, std::size_t data_bytes);
  void publish_again();
  void step_of_a_tap(Tap& tap);
  void come_back(Tap& tap);
  void subscribe_something(Tap& tap, bool quiet);
  void cut(Tap& tap);
  void ended_by_the_server(Tap& tap);

  // Steps while nothing is under way.
  void quiet_step(Tap& tap);

  [[nodiscard]] ReferenceEvent some_event(std::size_t data_bytes);
  [[nodiscard]] Wish some_wish(std::string name);
  [[nodiscard]] protocol::Since some_since(Tap& tap, bool pattern, Asked& asked);
  [[nodiscard]] Asked asked_now(bool quiet = false);

  // Waits until a condition holds; looks after all sockets meanwhile.
  void pump(int timeout_ms);
  [[nodiscard]] bool await(const std::function<bool()>& condition);
  void settle();
  void fence();
  void await_heartbeats();
  void judge(Tap& tap);
  void judge_left();
  [[nodiscard]] std::uint64_t events_known() const;

  std::mt19937 random_;
  const test::ScratchFolder scratch_;
  std::string socket_path_;
  const Keeps keeps_;
  std::size_t shards_;
  Settings settings_;
  std::unique_ptr<Reference> reference_;
  std::shared_ptr<broker::FarEnd> far_end_ = std::make_shared<broker::FarEnd>();
  broker::LateBroker* late_ = nullptr;  // the server's, if its channels are kept far away
  std::unique_ptr<Server> server_;

  Moment now_ = 1;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::vector<std::unique_ptr<Audit>> left_;  // of connections that are gone, not judged yet
  std::vector<Bookmark> bookmarks_;
  // What the reference knows of an earlier server; nothing: the server may have
  // counted some of it anew.
  std::optional<std::uint64_t> published_before_ = 0;
  std::uint64_t events_made_ = 0;
  std::uint64_t fences_ = 0;
  std::string complaint_;
  WalkTotals totals_;
};

}  // namespace wskit::server::model
