// Knows who on one shard listens to what, and delivers one turn's events to all of
// them: each subscriber is handed everything that the turn holds for it, once.
//
// Subscribers whose events are the same get the same bytes: one joined run a
// channel, and for those who listen to several channels one merged run for each
// set of channels that follow one another in the list of the due.
//
// Threads: one, the shard's.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
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
#include "wsserve/channel/channel.h"
#include "wsserve/fanout/local_channel.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/loop/inbox.h"

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

  // Makes subscribing those patterns cheap, however many channels they match: some of
  // the work is done at once, and the rest by tidy(). True if nothing is left; else
  // `done` is called from there, and the patterns are cheap until the next tidy().
  [[nodiscard]] bool prepare(std::vector<protocol::Pattern> patterns, std::function<void()> done);

  // Calls `see` for each who listens to the channel here; more than once for those who
  // do so by several names and patterns.
  void visit_listeners(std::string_view channel, const std::function<void(Subscriber&)>& see) const;
  // How many subscriptions are for the channel.
  [[nodiscard]] std::size_t count_listeners(std::string_view channel) const;
  // The same for each name that somebody here has subscribed, patterns left out.
  void visit_names(const std::function<void(const Audience&)>& see) const;
  // Those who have subscribed exactly that name; null: nobody has.
  [[nodiscard]] const Audience* audience_of(std::string_view name) const;

  void change_filter(Subscription& subscription, TypeFilterPtr filter);
  void change_pace(Subscription& subscription, Pace pace);
  // Ends the subscription; events that this turn still holds for the subscriber are delivered
  // first.
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

  // A channel, and the number of deliveries that had been pushed when it was looked at.
  struct Stand {
    const Channel* channel;
    std::uint64_t seam;
  };
  // How many events of each channel were pushed before and are not collected yet: the
  // subscriber, who hears these channels, still gets them. Not those that it is past,
  // by skip() or by what it read of the history.
  [[nodiscard]] std::vector<std::uint64_t> on_the_way(const Subscriber& subscriber,
                                                      std::span<const Stand> stands) const;
  // The subscription is for all that is not collected yet.
  void begin_with_the_uncollected(Subscription& subscription) const {
    subscription.seam = std::min(subscription.seam, collected_);
  }

  // Takes the deliveries of a turn; the first has the number `first_number`.
  // What they hold is moved out of them.
  void collect(std::span<Delivery> deliveries, std::uint64_t first_number);

  // Events were lost on their way here: nobody who listens to anything may be handed what
  // follows them. Called while an exception is handled.
  void fail_all() noexcept;

  // How many subscribers the collected events are due to.
  [[nodiscard]] std::size_t due() const { return due_.size(); }

  // Delivers what was collected. Between slices of `slice` subscribers calls
  // `between`, in which subscriptions may change.
  void flush(std::size_t slice, const std::function<void()>& between);

  // Lets go of channels and patterns that nobody here listens to any more, and goes on
  // with what prepare() began; for about kSlice, and the rest by the next call.
  // REQUIRES: no turn is under way.
  void tidy();
  // Whether tidy() has something left to do.
  [[nodiscard]] bool has_work() const { return !looks_.empty() || !left_patterns_.empty(); }
  // Channels that are about to be forgotten.
  void let_go_of(std::span<Channel* const> channels);

  // How many nodes of its patterns were met, and how many channels looked at, since the
  // start; for those who measure what they cost.
  [[nodiscard]] std::uint64_t steps() const { return patterns_.steps(); }
  [[nodiscard]] std::uint64_t looks() const { return looks_made_; }

  // The time for which work on many channels may keep the others waiting.
  static constexpr std::chrono::milliseconds kSlice{2};

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
    std::array<ChunkPtr, kSharedForms> joined;  // by WireForm
    std::vector<ChunkPtr> frames;
  };

  LocalChannel& local(Channel& channel);
  void add_to_run(Delivery& delivery, std::uint64_t number);
  // An event of the channel could not be taken up: its listeners must not miss it unawares.
  void fail_listeners(Channel& channel) noexcept;
  // The last listener may have left it: tidy() looks.
  void note_left(LocalChannel& channel) noexcept;
  // The audience of that pattern, made if it is new.
  [[nodiscard]] Audience& audience_for(const protocol::Pattern& pattern);
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
  // A look at all channels that some patterns match, for these have come or gone.
  struct Look {
    std::vector<Audience*> pinned;                // those that have come
    std::vector<std::unique_ptr<Audience>> gone;  // channels here may still refer to them
    std::vector<protocol::Pattern> patterns;
    std::size_t next_pattern = 0;
    std::vector<Channel*> channels;  // among which are those that the last pattern matches
    std::size_t next_channel = 0;
    std::size_t found = 0;  // channels, each as often as it was among them
    std::function<void()> done;
  };
  using Time = std::chrono::steady_clock::time_point;

  // The audience of the pattern, ready.
  Audience& ready_audience(const protocol::Pattern& pattern);
  [[nodiscard]] std::vector<Audience*> audiences(std::string_view channel) const;
  void let_go_of_empty_patterns();
  void work_until(Time deadline);
  // True: it is done with.
  [[nodiscard]] bool go_on(Look& look, Time deadline);
  void finish(Look& look);
  // Sets right which patterns its events are for here, and whether they come here at all.
  void look_at(Channel& channel);
  void let_go_of_empty_channels();

  Hub& hub_;
  const std::size_t shard_;
  const Inbox& inbox_;
  websocket::Deflater deflater_;

  std::unordered_set<LocalChannel*> locals_;
  PatternIndex<std::unique_ptr<Audience>> patterns_;
  // Channels that the last listener may have left. Looked at between turns, for before
  // that a run may still refer to them.
  std::vector<LocalChannel*> left_channels_;
  std::vector<std::string> left_patterns_;
  std::deque<Look> looks_;
  std::uint64_t looks_made_ = 0;
  bool any_left_ = false;  // there was no memory to note which

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
