// A connection's way through the history of its channels to the live events.
#include <algorithm>
#include <utility>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

// Counts what is read ahead more or less behind it than before, whatever is thrown meanwhile.
class Counted {
 public:
  Counted(ShardCounters& counters, const CatchUp& catch_up)
      : counters_(counters), catch_up_(catch_up), before_(catch_up.ahead_bytes()) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  // The difference of two unsigned numbers may stand for less than nothing.
  ~Counted() { counters_.replay_bytes.add(catch_up_.ahead_bytes() - before_); }

 private:
  ShardCounters& counters_;
  const CatchUp& catch_up_;
  const std::size_t before_;
};

// So that one who replays a long history does not keep the others waiting.
constexpr std::size_t kHistoryBytesPerTurn = std::size_t{1} << 20;

// What the store is asked for at a time, while a history is replayed.
constexpr std::size_t kStorePartBytes = std::size_t{256} << 10;

}  // namespace

void Connection::begin_catch_up(Channel& channel, std::uint64_t after, std::vector<ChunkPtr> first) {
  // What the turn still holds comes first, and may be more than the socket takes.
  host_.fanout.flush_now(*this);
  if (phase_ != Phase::kOpen) return;
  if (catch_up_ == nullptr) {
    catch_up_ = std::make_unique<CatchUp>();
    host_.agenda.after_turn(*this, Due::kCatchUp);
  }
  host_.fanout.hold(*this, channel);
  const Counted counted(host_.counters, *catch_up_);
  catch_up_->add(channel, after, std::move(first));
}

std::size_t Connection::head_start_bytes() const {
  const std::size_t taken = catch_up_ == nullptr ? 0 : catch_up_->ahead_bytes();
  const std::size_t left = CatchUp::kAllHeadStartBytes - std::min(taken, CatchUp::kAllHeadStartBytes);
  return std::min(left, CatchUp::kHeadStartBytes);
}

bool Connection::selects(const Channel& channel) const { return hears(channel.name()); }

void Connection::subscriptions_left() {
  const auto unwanted = [this](const Channel& channel) { return !selects(channel); };
  if (latest_ != nullptr) {
    const std::size_t before = latest_->conflation.bytes();
    const std::uint64_t events = no_longer_waits(latest_->conflation.forget_if(unwanted));
    host_.counters.queued_bytes.subtract(before - latest_->conflation.bytes());
    dropped_ += events;
    host_.counters.dropped.add(events);
    watch();
  }
  if (catch_up_ == nullptr) return;
  const Counted counted(host_.counters, *catch_up_);
  catch_up_->remove_if([&](const Channel& channel) {
    if (!unwanted(channel)) return false;
    host_.fanout.release(*this, channel, 0);
    return true;
  });
}

bool Connection::is_catching_up(const Channel& channel) const {
  return catch_up_ != nullptr && host_.fanout.holds(*this, channel);
}

void Connection::join_catch_up(const Channel& channel, std::uint64_t after) {
  catch_up_->join(channel, subscriptions_.back(), after);
}

void Connection::join_catch_ups() {
  if (catch_up_ != nullptr) catch_up_->join_all(subscriptions_.back());
}

bool Connection::may_join_catch_ups(std::size_t patterns) const {
  return catch_up_ == nullptr || catch_up_->may_join(patterns);
}

void Connection::forget_subscription(const Subscription& subscription) {
  if (catch_up_ != nullptr) catch_up_->forget(subscription);
}

bool Connection::still_brings(const Channel& channel, std::uint64_t after) const {
  return catch_up_->brings(channel, after);
}

void Connection::give_up_catch_up() {
  if (catch_up_ == nullptr) return;
  host_.counters.replay_bytes.subtract(catch_up_->ahead_bytes());
  catch_up_.reset();
}

bool Connection::catch_up() {
  if (catch_up_ == nullptr) return false;
  std::vector<ChunkPtr> frames;
  std::size_t bytes = 0;
  const auto deadline = Clock::now() + Fanout::kSlice;
  bool began = false;
  while (phase_ == Phase::kOpen && !catch_up_->done() && !writer_.is_blocked() &&
         bytes < kHistoryBytesPerTurn) {
    if (std::exchange(began, true) && Clock::now() >= deadline) break;
    frames.clear();
    CatchUp::Step step;
    {
      const Counted counted(host_.counters, *catch_up_);
      step = catch_up_->next(host_.fanout, *this, host_.index, frames);
    }
    if (step.channel == nullptr) break;
    if (step.ask) {
      host_.commands.read_on(*this, *step.channel, step.after, step.newest, kStorePartBytes);
      continue;
    }
    if (step.gap) {
      host_.counters.closed_slow.add();
      close(
          CloseCode::kSlowConsumer,
          "slow consumer: the history moved on while it was replayed; come back with since and read faster");
      return false;
    }
    if (frames.empty()) continue;
    for (const ChunkPtr& frame : frames) bytes += frame->size();
    hand_over_history(*step.channel, frames);
  }
  if (phase_ != Phase::kOpen) return false;
  if (!catch_up_->done()) return true;
  give_up_catch_up();
  return false;
}

void Connection::hand_over_history(const Channel& channel, std::vector<ChunkPtr>& frames) {
  // What passes one of the subscriptions to the channel.
  struct Part {
    const TypeFilter* filter;  // null: every type
    std::uint64_t after;
  };
  std::vector<Part> parts;
  subscriptions_.visit(channel.name(), [&](const Subscription& subscription) {
    parts.push_back({subscription.filter.get(), catch_up_->begins_after(channel, subscription)});
  });
  const auto filtered = std::erase_if(frames, [&](const ChunkPtr& frame) {
    return std::ranges::none_of(parts, [&](const Part& part) {
      return frame->event.offset > part.after &&
             (part.filter == nullptr || part.filter->passes(frame->type()));
    });
  });
  if (filtered > 0) {
    count_filtered(static_cast<std::uint32_t>(filtered));
    catch_up_->passed_over(channel);
  }
  if (!frames.empty()) host_.fanout.replay(*this, frames);
}

}  // namespace wskit::server
