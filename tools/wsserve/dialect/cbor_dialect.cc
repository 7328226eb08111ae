#include <cstring>

#include "common/cbor/cbor_reader.h"
#include "common/cbor/cbor_writer.h"
#include "wsserve/dialect/dialect.h"
#include "wsserve/frame/event_frame.h"

namespace wskit::server {
namespace {

class CborDialect final : public Dialect {
 public:
  std::string_view subprotocol() const override { return cbor::kSubprotocol; }
  websocket::Opcode opcode() const override { return websocket::Opcode::kBinary; }

  protocol::Result<std::string_view> read(std::string_view message, std::string& storage) const override {
    storage.clear();
    const protocol::Result<void> read = cbor::append_as_json(storage, message);
    if (!read) return read.error();
    return std::string_view(storage);
  }

  void write(std::string& out, std::string_view json) const override { cbor::append_message(out, json); }

  // A frame may be of a merge, so its text is read and not only looked up.
  ChunkPtr frame_of(const Chunk& event) const override {
    std::string payload;
    std::string storage;
    const auto view = protocol::decode_event(event.text(), storage);
    view ? cbor::append_event(payload, *view) : cbor::append_json(payload, event.text());
    const websocket::FrameHeader header{.opcode = opcode(), .payload_bytes = payload.size()};
    auto chunk = Chunk::make(websocket::header_size(header) + payload.size());
    std::memcpy(websocket::write_header(header, chunk->data()), payload.data(), payload.size());
    return chunk;
  }
};

}  // namespace

const Dialect& cbor_dialect() {
  static const CborDialect dialect;
  return dialect;
}

}  // namespace wskit::server
