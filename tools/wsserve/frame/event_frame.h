// An event's frame: its WebSocket header and JSON text in one chunk, with what
// the fan-out must know of it.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "common/protocol/event.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

// REQUIRES: every part is valid, as for protocol::write_event.
[[nodiscard]] ChunkPtr build_event_frame(const protocol::EventView& event);

// The event that build_event_frame wrote into a frame, without looking at its
// text. The views point into the frame. REQUIRES: the event's own channel; it has
// no `id`, `received`, `from` or `merged`.
[[nodiscard]] protocol::EventView view_event_frame(const Chunk& frame, std::string_view channel);

// The name in an event's frame, merged or not.
[[nodiscard]] std::string_view channel_of(const Chunk& frame);

}  // namespace wskit::server
