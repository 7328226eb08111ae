// The sending half of RFC 6455 as bytes appended to a buffer, so that many
// frames make one write.
//
// Threads: pure functions but for the mask source.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/close_code.h"
#include "common/websocket/frame.h"

namespace wskit::websocket {

// Appends one whole frame. A client gives its source of masks; a server's frames
// are not masked. `compressed`: the payload is what Deflater made of the message.
void append_frame(std::string& out, Opcode opcode, std::string_view payload, MaskSource* mask,
                  bool compressed = false);

// Appends a close frame; with kNoStatus it is empty. The reason is cut, between
// two code points, to what fits.
void append_close(std::string& out, protocol::CloseCode code, std::string_view reason, MaskSource* mask);

}  // namespace wskit::websocket
