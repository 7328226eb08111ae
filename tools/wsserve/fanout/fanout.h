// Who on one shard listens to what, and the delivery of one turn's events to all
// of them: each subscriber is handed everything that the turn holds for it, once.
//
// Subscribers whose events are the same get the same bytes: one joined run a
// channel, and for those who listen to several channels one merged run for each
// set of channels that follow one another in the list of the due.
//
// Threads: one, the shard's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/websocket/deflate.h"
#include "wsserve/channel.h"
#include "wsserve/fanout/local_channel.h"
#include "wsserve/inbox.h"

namespace wskit::server {

class Hub;

class Fanout {
 public:
  Fanout(Hub& hub, std::size_t shard, const Inbox& inbox);
  ~Fanout();
  Fanout(const Fanout&) = delete;
  Fanout& operator=(const Fanout&) = delete;

  // Adds a subscription to a channel. Events after the returned position will be
  // delivered, none before it.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Subscriber& subscriber, Channel& channel,
                                                        TypeFilterPtr filter, Position& position);
  // The same for every channel that matches the pattern, now or later.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Subscriber& subscriber,
                                                        const protocol::Pattern& pattern,
                                                        TypeFilterPtr filter);
  void change_filter(Subscription& subscription, TypeFilterPtr filter);
  void change_pace(Subscription& subscription, Pace pace);
  // What this turn still holds for the subscriber is delivered first.
  void unsubscribe(std::unique_ptr<Subscription> subscription);
  // The delivery of channels may have changed. REQUIRES: between turns.
  void look_at_delivery();

  // The subscriber reads the channel's history first: nothing live is delivered
  // to it until release(), and then only what is numbered after `seam`.
  void hold(Subscriber& subscriber, const Channel& channel);
  void release(Subscriber& subscriber, const Channel& channel, std::uint64_t seam);
  // Only what is numbered after `seam` is delivered. REQUIRES: no hold.
  void skip(Subscriber& subscriber, const Channel& channel, std::uint64_t seam);
  // Whether hold() was called and not release().
  [[nodiscard]] bool holds(const Subscriber& subscriber, const Channel& channel) const;

  // Hands over events out of the history, in the subscriber's form.
  void replay(Subscriber& subscriber, std::span<const ChunkPtr> frames);

  // The subscriber is gone: nothing more is delivered to it, nor held for it, although
  // what is under way may go on to subscribe. Its subscriptions must be taken back
  // afterwards.
  void forget(Subscriber& subscriber);

  // Takes the deliveries of a turn; the first has the number `first_number`.
  void collect(std::span<const Delivery> deliveries, std::uint64_t first_number);

  // How many subscribers the collected events are due to.
  [[nodiscard]] std::size_t due() const { return due_.size(); }

  // Delivers what was collected. Between slices of `slice` subscribers calls
  // `between`, in which subscriptions may change.
  void flush(std::size_t slice, const std::function<void()>& between);

  // Lets go of channels and patterns that nobody here listens to any more.
  // REQUIRES: no turn is under way.
  void tidy();

  // Hands over at once what this turn holds for one subscriber.
  void flush_now(Subscriber& subscriber);

 private:
  struct Interest {
    LocalChannel* channel;
    const Subscription* subscription;
    std::uint32_t next;
    bool plain;  // the whole run: neither filter nor seam cuts it
  };
  // A run merged from several channels, kept while the next subscribers have the
  // same set.
  struct MergedRun {
    std::vector<LocalChannel*> channels;
    std::array<ChunkPtr, 2> joined;  // by WireForm: plain, deflated
    std::vector<ChunkPtr> frames;
  };

  LocalChannel& local(Channel& channel);
  void mark(LocalChannel& channel, const Audience& audience);
  void add_interest(Subscriber& subscriber, Interest interest);
  void hand_over(Subscriber& subscriber);
  void hand_over_one(Subscriber& subscriber, LocalChannel& channel);
  void hand_over_merged(Subscriber& subscriber);
  void hand_over_picked(Subscriber& subscriber);
  void deliver_gathered(Subscriber& subscriber);
  // Whether one event passes the interests from `first` up to `end`, all in its
  // channel; `due`: it is behind one of their seams; `pace`: what it passes with.
  struct Verdict {
    bool due = false;
    bool passes = false;
    Pace pace{};
  };
  [[nodiscard]] Verdict judge(const RunEntry& entry, std::uint32_t first, std::uint32_t end) const;
  void deliver(Subscriber& subscriber, std::span<const ChunkPtr> frames);
  void drop_passed_holds();
  [[nodiscard]] static std::uint64_t held_until(const Subscriber& subscriber, const Channel& channel);
  void sort_gathered();
  void end_turn();
  void let_go_of_empty_patterns();
  void lose_silent_channels(const protocol::Pattern& left);
  void let_go_of_empty_channels();

  Hub& hub_;
  const std::size_t shard_;
  const Inbox& inbox_;
  websocket::Deflater deflater_;

  std::unordered_set<LocalChannel*> locals_;
  std::unordered_map<std::string, std::unique_ptr<Audience>> patterns_;
  // Where the last listener may have left. Looked at between turns, for before
  // that a run may still refer to them.
  std::vector<LocalChannel*> left_channels_;
  bool pattern_left_ = false;

  // Holds that end once that delivery was collected; in the order of the numbers,
  // but for those that end at once.
  struct PassingHold {
    Subscriber* subscriber;
    const Channel* channel;
    std::uint64_t seam;
  };
  std::deque<PassingHold> passing_holds_;
  std::uint64_t collected_ = 0;  // the number of the newest delivery collected

  // The current turn.
  std::uint64_t turn_ = 1;
  std::vector<LocalChannel*> dirty_;
  std::vector<Subscriber*> due_;
  std::vector<Interest> interests_;
  MergedRun merged_;
  std::vector<LocalChannel*> gathered_channels_;
  std::vector<RunEntry> gathered_;
};

}  // namespace wskit::server
