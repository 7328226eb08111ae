// The messages a server sends that are not events: `{"type","id"?,"timestamp",
// "data"}` (docs/protocol.md, "Commands and replies").
//
// Each function appends one JSON message to `out`. `id` is the JSON text of the
// command's id, empty for none; `timestamp` is RFC 3339 text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"

namespace wskit::protocol {

// The frame of every control message around `data_json`.
void append_control(std::string& out, std::string_view type, std::string_view id, std::string_view timestamp,
                    std::string_view data_json);

// `text` as a JSON string with its quotes. REQUIRES: valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

struct Connected {
  std::string_view connection;
  std::string_view user;    // empty: anonymous, written as null
  std::string_view server;  // "wskit/0.1.0"
  std::string_view node;
  double heartbeat_seconds = 0;
  std::uint64_t max_message_bytes = 0;
  std::span<const std::string> channels;
  std::span<const std::string_view> features;   // what a client may use that not every server knows
  std::optional<double> auth_within_seconds{};  // a token is awaited for that long
};
void append_connected(std::string& out, std::string_view timestamp, const Connected& connected);

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
void append_subscribed(std::string& out, std::string_view id, std::string_view timestamp,
                       std::span<const SubscribedChannel> channels, std::span<const std::string> event_types);

void append_unsubscribed(std::string& out, std::string_view id, std::string_view timestamp,
                         std::span<const std::string_view> channels,
                         std::span<const std::string> event_types);

struct Published {
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view epoch;
  bool duplicate = false;
};
// The reply to a publish, and its data alone. `batch`: data is an array, also for
// one event.
void append_published(std::string& out, std::string_view id, std::string_view timestamp,
                      std::span<const Published> published, bool batch);
void append_published_data(std::string& out, std::span<const Published> published, bool batch);

void append_pong(std::string& out, std::string_view id, std::string_view timestamp,
                 std::string_view client_timestamp);

// What became of the events of a connection's subscriptions since it began.
struct DeliveryCounters {
  std::uint64_t delivered = 0;
  std::uint64_t merged = 0;
  std::uint64_t filtered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t queued_bytes = 0;
};
void append_heartbeat(std::string& out, std::string_view timestamp, const DeliveryCounters& counters);

void append_error(std::string& out, std::string_view id, std::string_view timestamp, const Error& error);

}  // namespace wskit::protocol
