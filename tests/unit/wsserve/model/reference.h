// What the server must know, kept as simply as possible: every event of every
// channel, never let go of, with when it was sent and when it was acknowledged.
//
// Moments are numbers that only grow (Moment): the test's own clock, which ticks
// with everything it does.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/timestamp.h"
#include "wsserve/broker/history.h"

namespace wskit::server::model {

using Moment = std::uint64_t;

struct ReferenceEvent {
  std::string type;
  std::string key;    // JSON string; empty: none
  std::string data;   // JSON text
  std::string dedup;  // names the event within its channel
  Moment sent = 0;    // not before that moment did the server get it
  Moment acknowledged = 0;
  std::chrono::steady_clock::time_point acknowledged_at;
  std::string producer = {};   // under whose sequence it is sent; empty: under `dedup`
  std::int64_t sequence = -1;  // -1: never sent yet, or under `dedup`
};

class ReferenceChannel {
 public:
  ReferenceChannel(std::string name, const HistoryLimits& limits) : name_(std::move(name)), limits_(limits) {}

  // The server says that it is the event `offset`. Returns what is wrong with
  // that; empty: nothing.
  [[nodiscard]] std::string add(std::uint64_t offset, const ReferenceEvent& event);

  [[nodiscard]] const std::string& name() const { return name_; }
  // Its events up to `newest` are lost, and those that come have another epoch.
  void lose_events(std::uint64_t newest);
  [[nodiscard]] std::uint64_t lost_up_to() const { return base_; }

  // Empty: not known yet.
  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  void set_epoch(std::string epoch) { epoch_ = std::move(epoch); }
  // Of the newest event before which none is missing.
  [[nodiscard]] std::uint64_t newest() const { return newest_; }
  [[nodiscard]] bool has(std::uint64_t offset) const { return events_.contains(offset); }
  [[nodiscard]] const ReferenceEvent& at(std::uint64_t offset) const { return events_.at(offset); }
  // Whether every event is known up to the greatest offset.
  [[nodiscard]] bool contiguous() const { return events_.empty() || events_.rbegin()->first == newest_; }

  // The least offset that a channel which stands at `newest` may still hold by
  // the channel's own limits on number and bytes.
  [[nodiscard]] std::uint64_t oldest_held(std::uint64_t newest) const;

  // Where the channel stood at the earliest and at the latest when something was
  // asked at `asked` and answered by `answered`.
  [[nodiscard]] std::uint64_t least_newest(Moment asked) const;
  [[nodiscard]] std::uint64_t greatest_newest(Moment answered) const;

 private:
  [[nodiscard]] std::size_t cost(std::uint64_t offset, const ReferenceEvent& event) const;

  std::string name_;
  HistoryLimits limits_;
  std::string epoch_;
  std::map<std::uint64_t, ReferenceEvent> events_;
  std::map<std::string, std::uint64_t> offsets_;  // by dedup
  std::uint64_t newest_ = 0;
  std::uint64_t base_ = 0;  // events up to it are lost
};

// A moment at which nothing was under way, with the time of day then.
struct Bookmark {
  protocol::SystemMicros time;
  std::map<std::string, std::uint64_t> newest;  // by channel

  [[nodiscard]] std::uint64_t newest_of(const std::string& channel) const {
    const auto known = newest.find(channel);
    return known == newest.end() ? 0 : known->second;
  }
};

struct ReferenceRules {
  HistoryLimits history;
  // Whether only number and bytes bound a history: no age and no common budget.
  bool exact = true;
  // Whether old events may be gone for the sake of new ones that nobody has been
  // told of yet, as the store keeps its limits with each commit.
  bool trims_ahead = false;
};

class Reference {
 public:
  explicit Reference(const ReferenceRules& rules) : rules_(rules) {}

  ReferenceChannel& channel(const std::string& name);
  [[nodiscard]] const ReferenceChannel* find(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, ReferenceChannel>& channels() const { return channels_; }
  [[nodiscard]] const ReferenceRules& rules() const { return rules_; }

  // Empty: not known.
  [[nodiscard]] std::string epoch_of(const std::string& channel) const;
  // What another server does not know is gone.
  void forget_if(const std::function<bool(const std::string& channel)>& gone);

  [[nodiscard]] Bookmark bookmark() const;

 private:
  ReferenceRules rules_;
  std::map<std::string, ReferenceChannel> channels_;
};

}  // namespace wskit::server::model
