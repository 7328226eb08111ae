// What a connection lets wait: the newest event of each key.
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"

namespace wskit::server {
namespace {

// Counts what waits more or less behind it than before, whatever is thrown meanwhile.
class CountedBytes {
 public:
  CountedBytes(ShardCounters& counters, const Conflation& conflation)
      : counters_(counters), conflation_(conflation), before_(conflation.bytes()) {}
  CountedBytes(const CountedBytes&) = delete;
  CountedBytes& operator=(const CountedBytes&) = delete;
  // The difference of two unsigned numbers may stand for less than nothing.
  ~CountedBytes() { counters_.queued_bytes.add(conflation_.bytes() - before_); }

 private:
  ShardCounters& counters_;
  const Conflation& conflation_;
  const std::size_t before_;
};

}  // namespace

void Connection::deliver_latest(const Channel& channel, const ChunkPtr& frame, Clock::duration interval) {
  if (phase_ != Phase::kOpen) return;
  if (latest_ == nullptr) latest_ = std::make_unique<LatestQueue>(*this);
  Conflation& conflation = latest_->conflation;
  if (!writer_.is_blocked() && conflation.may_pass(channel, *frame, host_.now, interval)) {
    return host_.fanout.replay(*this, {&frame, 1});
  }
  {
    const CountedBytes counted(host_.counters, conflation);
    if (conflation.put(channel, frame, interval)) {
      ++merged_;
      host_.counters.merged.add();
    }
  }
  // As many keys as fill the queue are more than the subscriber can follow.
  if (conflation.bytes() > host_.settings->queue_limit_bytes) return overflow(0);
  drain_latest(host_.now);
}

void Connection::drain_latest(Clock::time_point now) {
  Conflation& conflation = latest_->conflation;
  while (!writer_.is_blocked() && phase_ == Phase::kOpen) {
    const std::size_t before = conflation.bytes();
    const ChunkPtr frame = conflation.take(now);
    host_.counters.queued_bytes.subtract(before - conflation.bytes());
    if (frame == nullptr) break;
    host_.fanout.replay(*this, {&frame, 1});
  }
  if (phase_ != Phase::kOpen) return;
  // While the socket is full its readiness says when to go on.
  if (!writer_.is_blocked()) {
    if (const auto due = conflation.next_due()) host_.wheel.schedule(*latest_, *due);
  }
  watch();
}

void Connection::settle() {
  if (latest_ == nullptr || phase_ != Phase::kOpen) return;
  Conflation& conflation = latest_->conflation;
  // All at once, for what does not fit closes the connection and the rest is given up.
  std::vector<ChunkPtr> frames;
  {
    const CountedBytes counted(host_.counters, conflation);
    while (ChunkPtr frame = conflation.take(Clock::time_point::max())) frames.push_back(std::move(frame));
  }
  for (const ChunkPtr& frame : frames) {
    if (phase_ == Phase::kOpen) {
      host_.fanout.replay(*this, {&frame, 1});
    } else {
      ++dropped_;
      host_.counters.dropped.add();
    }
  }
  if (phase_ == Phase::kOpen) watch();
}

void Connection::deliver_waiting(const Channel& channel) {
  if (phase_ != Phase::kOpen || latest_ == nullptr) return;
  Conflation& conflation = latest_->conflation;
  std::vector<ChunkPtr> frames;
  {
    const CountedBytes counted(host_.counters, conflation);
    frames = conflation.take_all_of(channel, host_.now);
  }
  if (!frames.empty()) host_.fanout.replay(*this, frames);
  if (phase_ == Phase::kOpen) watch();
}

void Connection::LatestQueue::on_deadline() noexcept {
  owner.host_.guard(owner, "what waits to be the newest", [this] { owner.drain_latest(owner.host_.now); });
}

std::uint64_t Connection::forget_latest() {
  if (latest_ == nullptr) return 0;
  host_.counters.queued_bytes.subtract(latest_->conflation.bytes());
  const std::uint64_t events = no_longer_waits(latest_->conflation.clear());
  latest_.reset();
  return events;
}

// Those for which a forgotten one would have stood are not merged but lost.
std::uint64_t Connection::no_longer_waits(const Conflation::Forgotten& forgotten) {
  merged_ -= forgotten.merged;
  host_.counters.merged.take_back(forgotten.merged);
  return forgotten.waited + forgotten.merged;
}

}  // namespace wskit::server
