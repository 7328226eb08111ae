// A peer lets events wait: the newest of each key.
#include "wsserve/connection/host.h"
#include "wsserve/connection/peer.h"

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

void Peer::deliver_latest(const Channel& channel, const ChunkPtr& frame, Clock::duration interval) {
  if (!open_) return;
  if (latest_ == nullptr) latest_ = std::make_unique<LatestQueue>(*this);
  Conflation& conflation = latest_->conflation;
  if (!writer().is_blocked() && conflation.may_pass(channel, *frame, host().now, interval)) {
    return host().fanout.replay(*this, {&frame, 1});
  }
  {
    Sparing& mine = sparing();
    const CountedBytes counted(host().counters, conflation);
    if (conflation.put(channel, frame, interval)) {
      ++mine.merged;
      host().counters.merged.add();
    }
  }
  // As many keys as fill the queue are more than the subscriber can follow.
  if (conflation.bytes() > host().settings->queue_limit_bytes) return overflow(0);
  drain_latest(host().now);
}

void Peer::drain_latest(Clock::time_point now) {
  Conflation& conflation = latest_->conflation;
  while (!writer().is_blocked() && open_) {
    const std::size_t before = conflation.bytes();
    const ChunkPtr frame = conflation.take(now);
    host().counters.queued_bytes.subtract(before - conflation.bytes());
    if (frame == nullptr) break;
    host().fanout.replay(*this, {&frame, 1});
  }
  if (!open_) return;
  // While the socket is full its readiness says when to go on.
  if (!writer().is_blocked()) {
    if (const auto due = conflation.next_due()) host().wheel.schedule(*latest_, *due);
  }
  note_pressure();
}

void Peer::settle() {
  if (latest_ == nullptr || !open_) return;
  Conflation& conflation = latest_->conflation;
  // All at once, for what does not fit closes the connection and the rest is given up.
  std::vector<ChunkPtr> frames;
  {
    const CountedBytes counted(host().counters, conflation);
    while (ChunkPtr frame = conflation.take(Clock::time_point::max())) frames.push_back(std::move(frame));
  }
  for (const ChunkPtr& frame : frames) {
    if (open_) {
      host().fanout.replay(*this, {&frame, 1});
    } else {
      count_dropped(1);
    }
  }
  if (open_) note_pressure();
}

void Peer::deliver_waiting(const Channel& channel) {
  if (!open_ || latest_ == nullptr) return;
  Conflation& conflation = latest_->conflation;
  std::vector<ChunkPtr> frames;
  {
    const CountedBytes counted(host().counters, conflation);
    frames = conflation.take_all_of(channel, host().now);
  }
  if (!frames.empty()) host().fanout.replay(*this, frames);
  if (open_) note_pressure();
}

void Peer::continue_latest() {
  if (latest_ != nullptr && open_) drain_latest(host().now);
}

void Peer::schedule_latest() {
  if (!writer().is_blocked() && has_latest()) host().wheel.schedule(*latest_, host().now);
}

void Peer::look_at_latest(const std::function<void(const Channel&, std::uint64_t)>& see) const {
  if (latest_ != nullptr) latest_->conflation.look(see);
}

void Peer::LatestQueue::on_deadline() noexcept {
  owner.host().guard(owner.connection_, "what waits to be the newest",
                     [this] { owner.drain_latest(owner.host().now); });
}

std::uint64_t Peer::forget_latest() {
  if (latest_ == nullptr) return 0;
  host().counters.queued_bytes.subtract(latest_->conflation.bytes());
  const std::uint64_t events = no_longer_waits(latest_->conflation.clear());
  latest_.reset();
  return events;
}

// Those for which a forgotten one would have stood are not merged but lost.
std::uint64_t Peer::no_longer_waits(const Conflation::Forgotten& forgotten) {
  if (forgotten.merged > 0) {
    sparing_->merged -= forgotten.merged;
    host().counters.merged.take_back(forgotten.merged);
  }
  return forgotten.waited + forgotten.merged;
}

}  // namespace wskit::server
