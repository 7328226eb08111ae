// One way to speak to this server besides its own, which is JSON in text messages
// (docs/protocol.md): translates what clients send into that, and what they are sent out of it.
// A client chooses a dialect by its subprotocol.
//
// The server says everything in JSON first: an event's text is there once for all, and who
// speaks no dialect pays nothing for those who do.
//
// Threads: any; a dialect has no state.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/error.h"
#include "common/websocket/frame.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

class Dialect {
 public:
  // As the handshake names it.
  [[nodiscard]] virtual std::string_view subprotocol() const = 0;
  // Of its messages, to the server and from it.
  [[nodiscard]] virtual websocket::Opcode opcode() const = 0;

  // A client's message as the text of a command, which lies in `storage`. kBadJson: it says
  // nothing that JSON could.
  [[nodiscard]] virtual protocol::Result<std::string_view> read(std::string_view message,
                                                                std::string& storage) const = 0;
  // Appends the payload of the message that means the same as `json`, which is a reply.
  virtual void write(std::string& out, std::string_view json) const = 0;
  // The frame that means the same as an event's own.
  [[nodiscard]] virtual ChunkPtr frame_of(const Chunk& event) const = 0;

 protected:
  ~Dialect() = default;
};

// `wskit.v1.cbor`: CBOR in binary messages (common/cbor/cbor_writer.h).
[[nodiscard]] const Dialect& cbor_dialect();

}  // namespace wskit::server
