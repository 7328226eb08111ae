// A peer recovers: it reads the history of its channels up to the live events.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wsserve/broker/broker.h"
#include "wsserve/channel/channel.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/peer.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

// Counts what is read ahead more or less behind it than before, whatever is thrown meanwhile.
class Counted {
 public:
  Counted(ShardCounters& counters, const Recovery& recovery)
      : counters_(counters), recovery_(recovery), before_(recovery.ahead_bytes()) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  // The difference of two unsigned numbers may stand for less than nothing.
  ~Counted() { counters_.replay_bytes.add(recovery_.ahead_bytes() - before_); }

 private:
  ShardCounters& counters_;
  const Recovery& recovery_;
  const std::size_t before_;
};

// So that one who replays a long history does not keep the others waiting.
constexpr std::size_t kHistoryBytesPerTurn = std::size_t{1} << 20;

// What the store is asked for at a time, while a history is replayed.
constexpr std::size_t kStorePartBytes = std::size_t{256} << 10;

}  // namespace

void Peer::begin_recovery(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first) {
  // What the turn still holds comes first, and may be more than the socket takes.
  host().fanout.flush_now(*this);
  if (!open_) return;
  if (recovery_ == nullptr) {
    recovery_ = std::make_unique<Recovery>();
    host().agenda.after_turn(connection_, Due::kRecover);
  }
  host().fanout.hold(*this, channel);
  const Counted counted(host().counters, *recovery_);
  recovery_->add(channel, after, std::move(first));
}

std::size_t Peer::head_start_bytes() const {
  const std::size_t taken = recovery_ == nullptr ? 0 : recovery_->ahead_bytes();
  const std::size_t left = Recovery::kAllHeadStartBytes - std::min(taken, Recovery::kAllHeadStartBytes);
  return std::min(left, Recovery::kHeadStartBytes);
}

void Peer::subscriptions_left() {
  const auto unwanted = [this](const Channel& channel) { return !hears(channel); };
  if (latest_ != nullptr) {
    const std::size_t before = latest_->conflation.bytes();
    const std::uint64_t events = no_longer_waits(latest_->conflation.forget_if(unwanted));
    host().counters.queued_bytes.subtract(before - latest_->conflation.bytes());
    count_dropped(events);
    note_pressure();
  }
  if (recovery_ == nullptr) return;
  const Counted counted(host().counters, *recovery_);
  recovery_->remove_if([&](const Channel& channel) {
    if (!unwanted(channel)) return false;
    host().fanout.release(*this, channel, 0);
    return true;
  });
}

bool Peer::is_recovering(const Channel& channel) const {
  return recovery_ != nullptr && host().fanout.holds(*this, channel);
}

void Peer::join_recovery(const Channel& channel, std::uint64_t after) {
  recovery_->join(channel, subscriptions_.back(), after);
}

void Peer::join_recoveries() {
  if (recovery_ != nullptr) recovery_->join_all(subscriptions_.back());
}

bool Peer::may_join_recoveries(std::size_t patterns) const {
  return recovery_ == nullptr || recovery_->may_join(patterns);
}

void Peer::forget_subscription(const Subscription& subscription) {
  if (recovery_ != nullptr) recovery_->forget(subscription);
}

bool Peer::still_brings(const Channel& channel, std::uint64_t after) const {
  return recovery_->brings(channel, after);
}

void Peer::give_up_recovery() {
  if (recovery_ == nullptr) return;
  host().counters.replay_bytes.subtract(recovery_->ahead_bytes());
  recovery_.reset();
}

bool Peer::recover() {
  if (recovery_ == nullptr) return false;
  std::vector<ChunkPtr> frames;
  std::size_t bytes = 0;
  const auto deadline = Clock::now() + Fanout::kSlice;
  bool began = false;
  while (open_ && !recovery_->done() && !writer().is_blocked() && bytes < kHistoryBytesPerTurn) {
    if (std::exchange(began, true) && Clock::now() >= deadline) break;
    frames.clear();
    Recovery::Step step;
    {
      const Counted counted(host().counters, *recovery_);
      step = recovery_->next(host().fanout, *this, host().index, frames);
    }
    if (step.channel == nullptr) break;
    if (step.ask) {
      host().commands.read_on(*this, *step.channel, step.after, step.newest, kStorePartBytes);
      continue;
    }
    if (step.gap) {
      host().counters.closed_slow.add();
      close(
          CloseCode::kSlowConsumer,
          "slow consumer: the history moved on while it was replayed; come back with since and read faster");
      return false;
    }
    if (frames.empty()) continue;
    for (const ChunkPtr& frame : frames) bytes += frame->size();
    hand_over_history(*step.channel, frames);
  }
  if (!open_) return false;
  if (!recovery_->done()) return true;
  give_up_recovery();
  return false;
}

void Peer::hand_over_history(const Channel& channel, std::vector<ChunkPtr>& frames) {
  // What passes one of the subscriptions to the channel.
  struct Part {
    const TypeFilter* filter;  // null: every type
    std::uint64_t after;
  };
  std::vector<Part> parts;
  subscriptions_.visit(channel.name(), [&](const Subscription& subscription) {
    parts.push_back({subscription.filter.get(), recovery_->begins_after(channel, subscription)});
  });
  const auto filtered = std::erase_if(frames, [&](const ChunkPtr& frame) {
    return std::ranges::none_of(parts, [&](const Part& part) {
      return frame->event.offset > part.after &&
             (part.filter == nullptr || part.filter->passes(frame->type()));
    });
  });
  if (filtered > 0) {
    count_filtered(static_cast<std::uint32_t>(filtered));
    recovery_->passed_over(channel);
  }
  if (!frames.empty()) host().fanout.replay(*this, frames);
}

bool Peer::can_recover() const { return !writer().is_blocked() && !recovery_->waits(); }

void Peer::history_arrived(const Channel& channel, broker::Part part) {
  if (!open_ || recovery_ == nullptr) return;
  if (!part.error.empty()) {
    return close(CloseCode::kInternalError, "the store cannot be read: " + part.error.substr(0, 80));
  }
  const std::size_t before = recovery_->ahead_bytes();
  const bool loses = recovery_->arrived(channel, part.lost_up_to, std::move(part.frames));
  host().counters.replay_bytes.add(recovery_->ahead_bytes() - before);
  if (loses) tell_gap(channel, part.lost_up_to);
}

void Peer::tell_gap(const Channel& channel, std::uint64_t last) {
  // Behind the events that come before it.
  host().fanout.flush_now(*this);
  say_gap(channel, last);
}

void Peer::channel_broke(const Channel& channel) { say_gap(channel, channel.broken_at()); }

void Peer::say_gap(const Channel& channel, std::uint64_t last) {
  if (!open_) return;
  std::string text;
  protocol::append_reply(
      text, {}, host().clock.timestamp(),
      protocol::Gap{.channel = channel.name(), .offset = last, .epoch = channel.epoch(), .oldest = last + 1});
  send_text(text);
}

}  // namespace wskit::server
