// Messages in CBOR (RFC 8949) as the JSON text that means the same.
//
// What a stranger sends is read item by item, without recursion: a message may be nested as
// deep as JSON may (protocol::kMaxJsonDepth), and its text is bounded by its own size.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::cbor {

// Appends the JSON text of one item, which is the whole message. A byte string with tag 262
// stands for the JSON that it holds, byte for byte; tag 55799 (self-described CBOR) is passed
// over. kBadJson with the byte at which it is no CBOR that JSON can say: another tag, bytes, a
// number that is none, a name that is no text, text that is not UTF-8. `out` is then as it was.
[[nodiscard]] protocol::Result<void> append_as_json(std::string& out, std::string_view message);

}  // namespace wskit::cbor
