// Something in a channel's order that should not be: what was published and never
// seen here, came a second time, or does not add up.
//
// Threads: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wskit::tap {

struct Incident {
  enum class Kind : std::uint8_t {
    kGap,            // `missing` events from `first` to `last`
    kGapBefore,      // unknown ones before `last` + 1, in a channel that was never read
    kGapsElsewhere,  // unknown ones in `missing_channels` of a pattern, which the server does not name
    kNewEpoch,       // the channel began anew after `previous`; of the new count, `first` to `last`
    kDuplicate,      // event `first` came again, after `previous`
    kLate,           // event `first`, told missing before, came after `previous`
    kBadMerge,       // event `first` says that it stands for `merged` others from `last` on: it cannot
    kForeign,        // event `first` is of a channel that was not asked for
  };
  Kind kind = Kind::kGap;
  std::uint64_t previous = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;     // below `first`: none, or not known how many
  std::uint64_t missing = 0;  // of the range; others in it were merged or came
  std::uint64_t merged = 0;
  std::uint64_t missing_channels = 0;
  std::optional<std::uint64_t> oldest{};  // that the server still holds, where it said so
  bool filtered = false;         // the server leaves types out, so the missing ones may all be of those
  std::string epoch{};           // empty: not known
  std::string previous_epoch{};  // where it was another one

  // Events are lost, or may be.
  [[nodiscard]] bool is_gap() const {
    return kind == Kind::kGap || kind == Kind::kGapBefore || kind == Kind::kGapsElsewhere ||
           kind == Kind::kNewEpoch;
  }

  // "gap in market/AAPL: events 43 to 57 missing" and so on.
  [[nodiscard]] std::string describe(std::string_view channel) const;

  // One JSON object for --verify: {"incident":"gap","channel":…}.
  [[nodiscard]] std::string json(std::string_view channel) const;
};

// The records of --on-gap emit, a line each:
//
//   {"type":"gap","channel":…,"data":{"from":43,"to":57,"epoch":…,"missing":15}}
//
// Of channels that the server does not name it is one, of their pattern, which says in
// `channels` how many they are, and nothing else.
//
// A channel that began anew is two: what followed the last event of the old
// epoch ("to" and "missing" null), and what is missing of the new one, if anything.
// REQUIRES: is_gap().
[[nodiscard]] std::string gap_records(std::string_view channel, const Incident& incident);

}  // namespace wskit::tap
