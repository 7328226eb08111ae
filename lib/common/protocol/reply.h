// All that a server says besides events, as values, and their text:
// `{"type","id"?,"timestamp","data"}` (docs/protocol.md, "Commands and replies").
//
// The values refer to texts that somebody else owns. Other ways to speak write the same
// values; ReplyDecoder (reply_decoder.h) reads the text back.
//
// Threads: plain values and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/protocol/error.h"

namespace wskit::protocol {

struct Connected {
  std::string_view connection;
  std::string_view user;    // empty: anonymous, written as null
  std::string_view server;  // "wskit/0.1.0"
  std::string_view node;
  double heartbeat_seconds = 0;
  std::uint64_t max_message_bytes = 0;
  std::vector<std::string_view> channels{};     // subscribed without being asked for
  std::vector<std::string_view> features{};     // what a client may use that not every server knows
  std::optional<double> auth_within_seconds{};  // a token is awaited for that long
};

// A channel of a pattern of which not everything that was missed is held.
struct SubscribedGap {
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view epoch;
  std::uint64_t oldest = 0;
};

// A channel that a pattern matches, where it stands and what of it is replayed.
struct SubscribedMatch {
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view epoch;
  bool recovered = false;
  std::uint64_t replayed = 0;
  std::optional<std::uint64_t> oldest;
};

// Where one channel stands for a subscriber that was just added.
struct SubscribedChannel {
  std::string_view channel;
  std::optional<std::uint64_t> offset;  // null for a pattern, which has no offset of its own
  std::string_view epoch;               // empty: null
  bool recovered = false;
  std::uint64_t replayed = 0;
  std::optional<std::uint64_t> oldest;                    // where events were missed that are no longer held
  std::vector<SubscribedGap> gaps{};                      // the same for a pattern, channel by channel
  std::uint64_t more_gaps = 0;                            // of channels that had no room in `gaps`
  std::optional<std::vector<SubscribedMatch>> matched{};  // of a pattern, where they were asked for
};

struct Subscribed {
  std::span<const SubscribedChannel> channels;
  std::vector<std::string_view> event_types;
};

struct Unsubscribed {
  std::vector<std::string_view> channels;
  std::vector<std::string_view> event_types;
};

struct Published {
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view epoch;
  bool duplicate = false;
};

// The answer to a publish command, with its events in their order.
struct PublishedAll {
  std::span<const Published> events;
  bool batch = false;  // an array, also for one event
};

struct HistoryEvents {
  std::vector<std::string_view> events;  // JSON text each, the oldest first
  std::uint64_t offset = 0;              // of the channel's newest event
  std::string_view epoch;
  std::uint64_t oldest = 1;
  bool recovered = false;  // nothing is missing in front of the first event
  bool complete = false;   // nothing follows the last one
};

struct Present {
  std::string_view channel;
  std::string_view connections;  // a JSON array
  std::uint64_t count = 0;
};

// The counters, one JSON object.
struct Statistics {
  std::string_view json;
};

struct Pong {
  std::string_view timestamp;  // of the ping, JSON text; empty: it had none
};

struct Authenticated {
  std::string_view user;
  std::string_view expires;  // RFC 3339; empty: never
};

// Events up to `offset` are lost for this reader; what follows begins at `oldest`.
struct Gap {
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view epoch;
  std::uint64_t oldest = 0;
};

// What became of the events of a connection's subscriptions since it began.
struct DeliveryCounters {
  std::uint64_t delivered = 0;
  std::uint64_t merged = 0;
  std::uint64_t filtered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t queued_bytes = 0;
};

// The last word of a stream that has no close frame.
struct Closing {
  std::uint16_t code = 0;
  std::string_view reason;
};

struct Refused {
  std::string_view code;  // "BAD_JSON" and so on: to_string(ErrorCode), or a later server's
  std::string_view message;
  std::string_view details;  // a JSON object; empty: none
};
[[nodiscard]] inline Refused refused(const Error& error) {
  return {.code = to_string(error.code), .message = error.message, .details = error.details};
}

using Reply = std::variant<Connected, Subscribed, Unsubscribed, PublishedAll, HistoryEvents, Present,
                           Statistics, Pong, Authenticated, Gap, DeliveryCounters, Closing, Refused>;

// What `type` says, in the order of the alternatives.
inline constexpr std::array<std::string_view, std::variant_size_v<Reply>> kReplyTypes{
    "connected", "subscribed",    "unsubscribed", "published", "history", "presence", "stats",
    "pong",      "authenticated", "gap",          "heartbeat", "close",   "error"};
[[nodiscard]] std::string_view type_of(const Reply& reply);

// Appends the message. `id`: the JSON text of the command's id; empty: none. `timestamp`:
// RFC 3339.
void append_reply(std::string& out, std::string_view id, std::string_view timestamp, const Reply& reply);
// The same, but its `data` alone.
void append_reply_data(std::string& out, const Reply& reply);

}  // namespace wskit::protocol
