// The messages of the protocol in CBOR (RFC 8949), written from their JSON text: the
// subprotocol `wskit.v1.cbor` (docs/protocol.md, "CBOR").
//
// Objects are maps, integers of up to 64 bits are integers, fractions are doubles. The `data` of an event
// is not translated: it is its JSON text as it was published, in a byte string with tag 262
// ("embedded JSON", IANA's registry of CBOR tags), so that no digit of it changes.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/event.h"

namespace wskit::cbor {

inline constexpr std::string_view kSubprotocol = "wskit.v1.cbor";

// Of a byte string that holds JSON text.
inline constexpr unsigned kEmbeddedJson = 262;

// Appends JSON text as one item. What CBOR would change, a number that is too large or a
// string that is no text, is embedded as well. REQUIRES: the text is valid JSON in UTF-8,
// without white space around it, of protocol::kMaxReplyDepth levels at most.
void append_json(std::string& out, std::string_view json);

// Appends an event. REQUIRES: its parts are valid, as for protocol::write_event().
void append_event(std::string& out, const protocol::EventView& event);

// Appends what a server says besides events: the message that `json` is. The events of a
// history are events. REQUIRES: as append_json().
void append_message(std::string& out, std::string_view json);

}  // namespace wskit::cbor
