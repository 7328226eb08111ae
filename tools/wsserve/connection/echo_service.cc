#include "wsserve/connection/echo_service.h"

#include "common/websocket/message_writer.h"
#include "wsserve/settings.h"

namespace wskit::server {

EchoService::EchoService(Connection& connection) : FrameService(connection, kEchoLimits) {}

void EchoService::handle_message(const websocket::MessageReader::Item& item) {
  const std::string_view payload(item.payload.data(), item.payload.size());
  writer().queue([&](Outbound& queue) {
    if (wire_form() == WireForm::kPlain) {
      return websocket::append_frame(queue.replies(), item.opcode, payload, nullptr);
    }
    std::string compressed;
    deflater().compress(payload, compressed);
    websocket::append_frame(queue.replies(), item.opcode, compressed, nullptr, true);
  });
}

}  // namespace wskit::server
