// An event: the one kind of message with a top-level `channel` and `offset`
// (docs/protocol.md, "Events").
//
// Threads: pure functions over text; nothing here is shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::protocol {

inline constexpr std::size_t kMaxTypeBytes = 64;

// 1 to 64 characters of [A-Za-z0-9_.:-].
[[nodiscard]] bool is_valid_type(std::string_view type);

// The parts of an event as slices of text that somebody else owns.
// `data`, `id` and `key` are JSON text exactly as it was written (strings with
// their quotes and escapes); the other texts are bare.
struct EventView {
  std::string_view type;
  std::string_view channel;
  std::uint64_t offset = 0;
  std::string_view timestamp;
  std::string_view id;        // JSON text; empty: absent
  std::string_view key;       // JSON string; empty: absent
  std::string_view received;  // empty: absent
  std::uint64_t from = 0;     // 0: absent; with `merged`, the first offset this event stands for
  std::uint64_t merged = 0;
  std::string_view data;  // JSON text
};

// The number of bytes that write_event writes.
[[nodiscard]] std::size_t encoded_size(const EventView& event);

// Writes the event's JSON text, keys in the protocol's fixed order, and returns
// the end of what was written. REQUIRES: encoded_size(event) bytes at `out`.
// Nothing is escaped or checked: every part must already be valid.
char* write_event(const EventView& event, char* out);

// Slices an event out of one message. kBadEvent if the text is no event.
// Fields may stand in any order; unknown ones are passed over. The views point
// into `text`, or, for a channel or timestamp written with escapes, into
// `storage`, which must outlive them.
// Thread: uses a parser of the calling thread.
[[nodiscard]] Result<EventView> decode_event(std::string_view text, std::string& storage);

}  // namespace wskit::protocol
