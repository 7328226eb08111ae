// How far each channel has been read: finds what is missing, comes twice or does
// not add up, and knows what to ask for after a reconnect.
//
// Knows no connection and no output. Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "common/text_hash.h"
#include "wstap/control_message.h"
#include "wstap/incident.h"

namespace wskit::tap {

class ChannelBook {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What a filter leaves out is no hole; then only offsets that go back are noticed.
  enum class Offsets : bool { kWithHoles, kContiguous };

  // `origin`: where the channels begin that are not known yet.
  explicit ChannelBook(Offsets offsets, protocol::Since origin = protocol::FromNow{});

  // The connection was opened anew: a channel may have begun a new epoch meanwhile.
  void begin_connection() { ++connection_; }

  // What the server says of one channel, once an answer: what that shows to be
  // lost. REQUIRES: a channel read before was asked for with resume_point().
  [[nodiscard]] std::optional<Incident> subscribed(const SubscribedEntry& entry);

  // What an event shows.
  struct Reading {
    std::optional<Incident> incident;
    std::optional<Incident> merge;  // it stands for others than it can
    bool repeated = false;          // it is not to be shown: it was, or lies before the beginning
    // Once a connection and channel: nobody has said the channel's epoch yet,
    // without which a resume can be mistaken.
    bool epoch_wanted = false;
    bool first = false;  // of its channel
  };
  // One event, in the order of arrival.
  [[nodiscard]] Reading read(const protocol::EventView& event);

  // The answer to epoch_wanted; an empty epoch: there will be none.
  void learn_epoch(std::string_view channel, std::string_view epoch);

  // Where events have keys, those that merged others come in the order of their
  // own offsets, so a hole may be filled by a later one. Such holes are reported
  // here: those that were open before `before`, or all without it.
  struct Hole {
    std::string channel;
    Incident incident;
  };
  [[nodiscard]] std::vector<Hole> take_holes(std::optional<Time> before);
  [[nodiscard]] bool has_holes() const { return !holes_.empty(); }
  // The connection is lost, perhaps between two events that left the server together. The
  // later one would have said that it stands for others; now it comes again as part of
  // the history, which declares nothing. So the open holes of channels whose events merge
  // others are no losses.
  void forget_holes_of_merges();

  // Where to go on after a reconnect: behind the last event of each channel, and,
  // for channels never seen, from `since` on.
  [[nodiscard]] protocol::FromPositions resume_point(std::optional<protocol::SystemMicros> since) const;
  // The same for another run: without channels whose epoch is being asked for, so
  // that they are read again rather than mistaken.
  [[nodiscard]] protocol::FromPositions lasting_point(std::optional<protocol::SystemMicros> since) const;

  // Where a channel stands; nothing if it was never heard of.
  [[nodiscard]] std::optional<protocol::Position> position(std::string_view channel) const;

  [[nodiscard]] std::size_t channels_read() const { return channels_read_; }

 private:
  struct Entry {
    std::uint64_t offset = 0;  // of the last event; where the next one goes on
    std::uint64_t connection = 0;
    std::uint64_t unaccounted = 0;  // offsets of the open hole that nothing stands for yet
    std::uint64_t hole_first = 0;
    Time hole_since;
    std::string epoch;           // empty: not known
    bool epoch_asked = false;    // on this connection
    bool epoch_refused = false;  // nobody will tell
    bool known = false;          // `offset` means something
    bool told = false;           // it was the server that chose the beginning
    bool read = false;           // an event has come
    bool keyed = false;          // an event with a key has come
    bool merges = false;         // one has come that stands for others
    // The newest ranges that were told missing; one of them that comes is late.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> missing;
    std::vector<std::uint64_t> late;  // came into the open hole
  };
  using Entries = std::unordered_map<std::string, Entry, TextHash, std::equal_to<>>;

  Entries::value_type& item(std::string_view channel);
  void begin_at_origin(Entry& entry, const SubscribedEntry& subscribed) const;
  [[nodiscard]] static std::optional<Incident> lost(const Entry& entry, const SubscribedEntry& subscribed,
                                                    std::uint64_t lost_to);
  // The event's offset is not past the last one.
  void judge_old(Entries::value_type& item, const protocol::EventView& event, Reading& reading);
  void begin_anew(Entry& entry, const protocol::EventView& event, Incident& incident) const;
  // False: what was missing comes for the first time.
  [[nodiscard]] bool came_before(Entries::value_type& item, std::uint64_t offset);
  // The event skips offsets, or stands for others.
  [[nodiscard]] std::optional<Incident> account(Entries::value_type& item, const protocol::EventView& event);
  [[nodiscard]] std::optional<Incident> check_merge(const Entry& entry,
                                                    const protocol::EventView& event) const;
  void close_hole(Entries::value_type& item);

  Offsets offsets_;
  protocol::Since origin_;
  std::uint64_t connection_ = 0;
  std::size_t channels_read_ = 0;
  Entries entries_;
  Entries::value_type* latest_ = nullptr;    // events of one channel often come together
  std::vector<Entries::value_type*> holes_;  // the open ones
};

}  // namespace wskit::tap
