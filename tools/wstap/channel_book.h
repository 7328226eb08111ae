// How far each channel has been read: finds holes in the offsets, and knows what
// to ask for after a reconnect.
//
// Knows no connection and no output. Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "wstap/control_message.h"

namespace wskit::tap {

// Events that were published and never seen here, or came a second time.
struct Incident {
  enum class Kind : std::uint8_t {
    kGap,       // `first` to `last` are missing
    kNewEpoch,  // the channel began anew after `previous`; `first` to `last` of the new one are missing
    kWentBack,  // an offset, `first`, that is not past the last one, `previous`
  };
  Kind kind = Kind::kGap;
  std::uint64_t previous = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // below `first`: none, or not known how many
  bool filtered = false;   // the server leaves types out, so the missing ones may all be of those

  // "events 43 to 57 of market/AAPL are missing" and so on.
  [[nodiscard]] std::string describe(std::string_view channel) const;
};

class ChannelBook {
 public:
  // What a filter leaves out is no hole; then only offsets that go back are noticed.
  enum class Offsets : bool { kWithHoles, kContiguous };

  explicit ChannelBook(Offsets offsets) : offsets_(offsets) {}

  // The connection was opened anew: a channel may have begun a new epoch meanwhile.
  void begin_connection() { ++connection_; }

  // What the server says of one channel's position. For a name that was asked
  // for with resume_point(): what the answer shows to be lost.
  [[nodiscard]] std::optional<Incident> subscribed(const SubscribedEntry& entry);

  // One event, in the order of arrival.
  [[nodiscard]] std::optional<Incident> read(const protocol::EventView& event);

  // Where to go on after a reconnect: behind the last event of each channel, and,
  // for channels never seen, from `since` on.
  [[nodiscard]] protocol::Since resume_point(std::optional<protocol::SystemMicros> since) const;

  [[nodiscard]] std::size_t channels_read() const { return channels_read_; }

 private:
  struct Entry {
    std::uint64_t offset = 0;  // of the last event; where the next one goes on
    std::string epoch;         // empty: not known
    std::uint64_t connection = 0;
    bool known = false;  // `offset` means something
    bool read = false;   // an event has come
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  Entry& entry(std::string_view channel);
  [[nodiscard]] std::optional<Incident> judge(const Entry& entry, std::uint64_t first) const;

  Offsets offsets_;
  std::uint64_t connection_ = 0;
  std::size_t channels_read_ = 0;
  Entries entries_;
  Entries::value_type* latest_ = nullptr;  // events of one channel often come together
};

}  // namespace wskit::tap
