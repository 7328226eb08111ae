// What the server says besides events, as far as a subscriber needs it.
//
// Threads: plain values and a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::tap {

// No server counts further: one more is still a number.
inline constexpr std::uint64_t kMostOffset = std::numeric_limits<std::int64_t>::max();

// One entry of a `subscribed` reply, or one of the channels that a pattern's entry
// lists as `matched` or among its `gaps`.
struct SubscribedEntry {
  std::string channel;                  // a name, or a pattern as it was asked for
  std::optional<std::uint64_t> offset;  // of the last event; none for a pattern
  std::string epoch;
  bool recovered = false;
  std::uint64_t replayed = 0;
  std::optional<std::uint64_t> oldest;     // what can still be had begins here, where events were missed
  std::vector<SubscribedEntry> gaps;       // of a pattern: its channels that could not be recovered
  std::uint64_t more_gaps = 0;             // so many more of them are not among these
  std::vector<SubscribedEntry> matched{};  // of a pattern: all its channels, if `lists`
  bool lists = false;
};

// Entries that name no channel, or no place in one, are not among those of a message:
// what they say would be kept in the cursor and sent back to the server.
struct ControlMessage {
  std::string type;  // "connected", "subscribed", "error" …; empty: no control message
  std::string id;    // JSON text; empty: none
  std::string timestamp;
  std::vector<SubscribedEntry> subscribed;  // of `subscribed`
  std::size_t passed_over = 0;              // so many entries are not among them
  std::string fault;                        // of the first of these
  std::vector<std::string> channels;        // of `connected`: subscribed without being asked for
  std::string epoch;                        // of `history`
  std::string error_code;                   // of `error`
  std::string error_message;
};

[[nodiscard]] ControlMessage parse_control(std::string_view text);

}  // namespace wskit::tap
