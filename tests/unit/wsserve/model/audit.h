// Judges what one connection was told, message by message, against the reference:
// each event of its subscriptions comes once, in order, as it was published, or
// its absence is declared (a gap, a merge, the end of the connection).
//
// What is wrong is told, not asserted: the first complaint is kept, so that a
// test can also show that a wrong server is found out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "reference.h"
#include "wsserve/channel/channel_rules.h"

namespace wskit::server::model {

// One name or pattern that a connection subscribes.
struct Wish {
  std::string name;
  std::optional<std::vector<std::string>> types;  // none: all
  bool conflate = false;
  int max_rate = 0;  // 0: as they come

  [[nodiscard]] bool passes(const std::string& type) const;
  [[nodiscard]] bool paced() const { return conflate || max_rate > 0; }
  [[nodiscard]] bool selects(const std::string& channel) const;
  // What holds once `later` has been subscribed too.
  [[nodiscard]] Wish and_then(Wish later) const;
};

// A command whose answer is judged.
struct Asked {
  bool subscribes = true;  // or unsubscribes
  std::vector<Wish> wishes;
  protocol::Since since;
  std::optional<Bookmark> bookmark;  // of the time in `since`
  Moment sent = 0;
  // Nothing was under way, and everything before had come.
  bool quiet = false;
};

class Audit {
 public:
  Audit(const Reference& reference, const ChannelRules& rules) : reference_(reference), rules_(rules) {}

  // `text`: the command, for the message of a failure.
  void asked(const std::string& id, const std::string& text, Asked asked);
  void heard(std::string text, Moment at) { log_.push_back({std::move(text), at}); }

  // Judges what was heard. REQUIRES: every event sent is acknowledged.
  void judge();

  // Whether all that is due has come, as of the last judge().
  [[nodiscard]] bool complete();
  // What has not come, for the message of a failure.
  [[nodiscard]] std::string missing() const;

  // The first thing that was wrong; empty: nothing.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  [[nodiscard]] bool covers(const std::string& channel) const;
  // What it is subscribed to, and the last that it was told and asked.
  [[nodiscard]] std::string describe() const;

  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  [[nodiscard]] std::uint64_t merged() const { return merged_; }
  [[nodiscard]] std::uint64_t heartbeats() const { return heartbeats_; }
  [[nodiscard]] std::uint64_t declared_gaps() const { return declared_gaps_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  // The next heartbeat must count everything: nothing waits any more.
  void expect_full_count() { full_count_ = true; }
  [[nodiscard]] bool counted() const { return !full_count_; }

 private:
  struct Heard {
    std::string text;
    Moment at;
  };
  // From which offset on a subscription may bring events of a channel, and from
  // which it must.
  struct Range {
    std::uint64_t may = 1;
    std::uint64_t must = 1;
  };
  struct Subscription {
    Wish wish;
    std::map<std::string, Range> ranges;  // channels that are newer: from their first event
    [[nodiscard]] Range range(const std::string& channel) const;
  };
  struct ChannelState {
    std::uint64_t high = 0;              // everything up to it is accounted for, but for `open`
    std::map<std::uint64_t, bool> open;  // offsets that may come (true: must)
    std::set<std::uint64_t> told;        // delivered, or merged into a delivered one
    std::uint64_t last = 0;              // delivered
  };
  // Where an answer says that a channel stands.
  struct Answer {
    std::uint64_t offset = 0;  // or the greatest that it can have been
    std::uint64_t least_offset = 0;
    std::uint64_t ahead_offset = 0;  // up to which old events may have made room
    bool recovered = false;
    std::optional<std::uint64_t> oldest;
    std::optional<std::uint64_t> replayed;
  };

  void complain(std::string what);
  static void note(std::deque<std::string>& lines, std::string line);
  void judge_one(const Heard& heard);
  void judge_event(const protocol::EventView& event);
  void has_begun(const std::string& channel, std::uint64_t offset);
  void judge_merge(ChannelState& state, const ReferenceChannel& channel, const protocol::EventView& event);
  void judge_reply(const nlohmann::json& message, Moment at);
  void judge_subscribed(const Asked& asked, const nlohmann::json& data, Moment at);
  void judge_name(const Asked& asked, const Wish& wish, const nlohmann::json& entry, Moment at);
  void judge_pattern(const Asked& asked, const Wish& wish, const nlohmann::json& entry, Moment at);
  void judge_heartbeat(const nlohmann::json& data);
  void unsubscribed(const Asked& asked);

  // Where a reader who asks for `since` begins, on a channel that stands at
  // `newest`, if everything is held; nothing: what it has is of another epoch.
  std::optional<std::uint64_t> wanted(const Asked& asked, const std::string& channel,
                                      std::uint64_t newest) const;
  [[nodiscard]] std::uint64_t ahead_of(const std::string& channel, std::uint64_t newest, Moment at) const;
  [[nodiscard]] bool begins_with_the_next(const Asked& asked, const std::string& channel) const;
  // The range that an answer to `since` declares; complains where it may not.
  Range judge_start(const Asked& asked, const Wish& wish, const std::string& channel, const Answer& answer);
  Range judge_joined(const Wish& wish, const std::string& channel, std::uint64_t newest, std::uint64_t wanted,
                     bool recovered);
  // Of a pattern's channel that no gap is declared for.
  Range judge_recovered(const Asked& asked, const Wish& wish, const ReferenceChannel& channel, Moment at);

  void extend(const std::string& channel, std::uint64_t to);
  void extend_all();
  // Whether an event of the type would be merged, not queued, for this connection.
  [[nodiscard]] bool conflates(const std::string& channel, const ReferenceEvent& event,
                               std::uint64_t offset) const;
  [[nodiscard]] bool rated(const std::string& channel) const;

  const Reference& reference_;
  const ChannelRules& rules_;
  std::map<std::string, Asked> asked_;  // by id, not answered yet
  std::deque<Heard> log_;
  std::vector<Subscription> subscriptions_;
  std::map<std::string, ChannelState> states_;
  std::uint64_t delivered_ = 0;
  std::uint64_t merged_ = 0;
  std::uint64_t filtered_ = 0;
  bool filtered_known_ = true;  // no event's fate was open that nobody tells
  bool full_count_ = false;
  std::uint64_t heartbeats_ = 0;
  std::uint64_t declared_gaps_ = 0;
  std::uint64_t replayed_ = 0;
  std::deque<std::string> answers_;  // and what was asked, for the message of a failure
  std::deque<std::string> events_;
  std::string complaint_;
};

}  // namespace wskit::server::model
