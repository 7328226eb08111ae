// How far each channel has been read: finds holes in the offsets, and knows what
// to ask for after a reconnect.
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
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "wstap/control_message.h"

namespace wskit::tap {

// Events that were published and never seen here, or came a second time.
struct Incident {
  enum class Kind : std::uint8_t {
    kGap,        // `missing` events from `first` to `last`
    kGapBefore,  // unknown ones before `last` + 1, in a channel that was never read
    kNewEpoch,   // the channel began anew after `previous`; of the new count, `first` to `last`
    kWentBack,   // an offset, `first`, that is not past the last one, `previous`
  };
  Kind kind = Kind::kGap;
  std::uint64_t previous = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;     // below `first`: none, or not known how many
  std::uint64_t missing = 0;  // of the range; others in it were merged or came
  bool filtered = false;      // the server leaves types out, so the missing ones may all be of those

  // "gap in market/AAPL: events 43 to 57 missing" and so on.
  [[nodiscard]] std::string describe(std::string_view channel) const;
};

class ChannelBook {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What a filter leaves out is no hole; then only offsets that go back are noticed.
  enum class Offsets : bool { kWithHoles, kContiguous };

  explicit ChannelBook(Offsets offsets) : offsets_(offsets) {}

  // The connection was opened anew: a channel may have begun a new epoch meanwhile.
  void begin_connection() { ++connection_; }

  // What the server says of one channel's position. For a name that was asked
  // for with resume_point(): what the answer shows to be lost.
  [[nodiscard]] std::optional<Incident> subscribed(const SubscribedEntry& entry);

  // What an event shows. `epoch_wanted`, once a connection and channel: nobody
  // has said the channel's epoch yet, without which a resume can be mistaken.
  struct Reading {
    std::optional<Incident> incident;
    bool epoch_wanted = false;
  };
  // One event, in the order of arrival.
  [[nodiscard]] Reading read(const protocol::EventView& event);

  // The answer to epoch_wanted.
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

  // Where to go on after a reconnect: behind the last event of each channel, and,
  // for channels never seen, from `since` on.
  [[nodiscard]] protocol::Since resume_point(std::optional<protocol::SystemMicros> since) const;

  [[nodiscard]] std::size_t channels_read() const { return channels_read_; }

 private:
  struct Entry {
    std::uint64_t offset = 0;  // of the last event; where the next one goes on
    std::uint64_t connection = 0;
    std::uint64_t unaccounted = 0;  // offsets of the open hole that nothing stands for yet
    std::uint64_t hole_first = 0;
    Time hole_since;
    std::string epoch;         // empty: not known
    bool epoch_asked = false;  // on this connection
    bool known = false;        // `offset` means something
    bool read = false;         // an event has come
    bool keyed = false;        // an event with a key has come
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  Entries::value_type& item(std::string_view channel);
  [[nodiscard]] std::optional<Incident> judge(Entries::value_type& item, const protocol::EventView& event);
  // The event skips offsets, or stands for others.
  [[nodiscard]] std::optional<Incident> account(Entries::value_type& item, const protocol::EventView& event);
  void close_hole(Entries::value_type& item);

  Offsets offsets_;
  std::uint64_t connection_ = 0;
  std::size_t channels_read_ = 0;
  Entries entries_;
  Entries::value_type* latest_ = nullptr;    // events of one channel often come together
  std::vector<Entries::value_type*> holes_;  // the open ones
};

}  // namespace wskit::tap
