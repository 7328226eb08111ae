#include "wsserve/frame/event_frame.h"

#include "common/websocket/frame.h"

namespace wskit::server {
namespace {

// The type is the first value of an event's text: {"type":"…
constexpr std::size_t kTypeBegin = sizeof(R"({"type":")") - 1;

constexpr std::string_view kKeyName = R"("key":)";
constexpr std::string_view kDataName = R"("data":)";

}  // namespace

ChunkPtr build_event_frame(const protocol::EventView& event) {
  websocket::FrameHeader header;
  header.payload_bytes = protocol::encoded_size(event);
  const std::size_t header_bytes = websocket::header_size(header);
  auto chunk = Chunk::make(header_bytes + header.payload_bytes);
  websocket::write_header(header, chunk->data());
  // The end of an event's text is fixed: …,"key":KEY,"data":DATA}
  const std::size_t data_begin = chunk->size() - 1 - event.data.size() - kDataName.size();
  chunk->event = {.offset = event.offset,
                  .header_bytes = static_cast<std::uint32_t>(header_bytes),
                  .type_begin = static_cast<std::uint32_t>(header_bytes + kTypeBegin),
                  .type_bytes = static_cast<std::uint32_t>(event.type.size()),
                  .key_begin = static_cast<std::uint32_t>(data_begin - 1 - event.key.size()),
                  .key_bytes = static_cast<std::uint32_t>(event.key.size()),
                  .data_begin = static_cast<std::uint32_t>(data_begin)};
  protocol::write_event(event, chunk->data() + header_bytes);
  return chunk;
}

protocol::EventView view_event_frame(const Chunk& frame, std::string_view channel) {
  protocol::EventView event;
  event.type = frame.type();
  event.channel = channel;
  event.offset = frame.event.offset;
  event.key = frame.key();
  const std::size_t data_begin = frame.event.data_begin + kDataName.size();
  event.data = frame.bytes().substr(data_begin, frame.size() - 1 - data_begin);
  // Only the timestamp is not noted; it lies between the offset and what comes next.
  protocol::EventView without = event;
  without.timestamp = {};
  const std::size_t bytes = frame.text().size() - protocol::encoded_size(without);
  std::size_t end = frame.event.data_begin;
  if (!event.key.empty()) end = frame.event.key_begin - kKeyName.size();
  end -= 2;  // ",
  event.timestamp = frame.bytes().substr(end - bytes, bytes);
  return event;
}

std::string_view channel_of(const Chunk& frame) {
  // No channel's name holds what JSON would escape.
  constexpr std::string_view kBefore = R"(","channel":")";
  const std::string_view rest =
      frame.bytes().substr(frame.event.type_begin + frame.event.type_bytes + kBefore.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace wskit::server
