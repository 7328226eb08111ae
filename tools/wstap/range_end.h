// Where the run is to stop: at the newest events of a moment, at an offset of each
// channel, or at a time, and which channels have come that far.
//
// Knows no connection. Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "common/protocol/timestamp.h"
#include "common/text_hash.h"
#include "wstap/control_message.h"

namespace wskit::tap {

struct UntilNewest {};  // the events that exist when the run begins

// A Position's offset is the last one wanted, of each channel; a time is that of
// the last events wanted, by their timestamps.
using Until = std::variant<UntilNewest, protocol::Position, protocol::SystemMicros>;

class RangeEnd {
 public:
  explicit RangeEnd(Until until) : until_(std::move(until)) {}

  // What the server answered of all selected channels at its time `now`; `starts`
  // tells how far each was read by then.
  using Starts = std::function<std::uint64_t(std::string_view channel)>;
  void answered(const std::vector<SubscribedEntry>& channels, protocol::SystemMicros now,
                const Starts& starts);

  // The server's time at which answered() is to be called once more, so that
  // channels that are silent count as passed.
  [[nodiscard]] std::optional<protocol::SystemMicros> asks_again() const;

  // One event, before it is read: false if it lies behind the end, and so is not
  // to be read at all.
  [[nodiscard]] bool takes(const protocol::EventView& event);

  // Every channel has passed the end.
  [[nodiscard]] bool reached() const { return complete_ && passed_ == channels_.size(); }

 private:
  struct Channel {
    std::uint64_t last = 0;  // the offset to reach; 0: not known
    std::string epoch;       // of `last`; empty: any
    bool passed = false;
  };

  Channel& channel(std::string_view name);
  void pass(Channel& channel);
  void aim(Channel& channel, const SubscribedEntry& entry, std::uint64_t start);

  Until until_;
  bool fixed_ = false;     // the newest events of the moment are known
  bool complete_ = false;  // all channels are known that there are to wait for
  std::size_t passed_ = 0;
  std::unordered_map<std::string, Channel, TextHash, std::equal_to<>> channels_;
};

}  // namespace wskit::tap
