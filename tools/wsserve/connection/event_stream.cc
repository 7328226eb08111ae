#include "wsserve/connection/event_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/json_writer.h"
#include "common/protocol/reply.h"
#include "wsserve/frame/event_frame.h"
#include "wsserve/http/event_stream.h"

namespace wskit::server {
namespace {

// Longer ids do not go with each event.
constexpr std::size_t kShortIdBytes = 256;

}  // namespace

void EventStream::append_event(std::string& out, const Chunk& frame, protocol::SystemMicros now,
                               bool tell_position, const FindEpoch& find_epoch) {
  cursor_.advance(channel_of(frame), frame.event.offset, find_epoch);
  const bool with_id = tell_position && cursor_.bytes() <= kShortIdBytes;
  const std::string id = with_id ? cursor_.text(now, {}) : std::string();
  const std::size_t before = out.size();
  http::append_block(out,
                     {.name = named_ ? frame.type() : std::string_view(), .id = id, .data = frame.text()});
  bytes_since_id_ = with_id ? 0 : bytes_since_id_ + out.size() - before;
}

void EventStream::append_control(std::string& out, std::string_view json) {
  // The type is the first value of every control message.
  constexpr std::string_view kBefore = R"({"type":")";
  const std::string_view rest = json.substr(kBefore.size());
  // No event's type begins with an @.
  std::string name = "@";
  name += rest.substr(0, rest.find('"'));
  http::append_block(out, {.name = name, .id = {}, .data = json});
}

void EventStream::append_retry(std::string& out) const { http::append_retry(out, retry_); }

void EventStream::append_farewell(std::string& out, protocol::CloseCode code, std::string_view reason,
                                  std::string_view timestamp) const {
  // What a slow reader would not read makes it no faster.
  if (code == protocol::CloseCode::kSlowConsumer) return;
  append_retry(out);
  std::string control;
  protocol::append_reply(control, {}, timestamp,
                         protocol::Closing{.code = static_cast<std::uint16_t>(code), .reason = reason});
  append_control(out, control);
}

bool EventStream::is_position_due(std::size_t looked_at) const {
  return bytes_since_id_ > 0 && bytes_since_id_ >= std::max(cursor_.bytes(), looked_at);
}

void EventStream::append_position(std::string& out, protocol::SystemMicros now,
                                  const StreamCursor::Held& held) {
  bytes_since_id_ = 0;
  if (const std::string id = cursor_.text(now, held); !id.empty()) http::append_id(out, id);
}

}  // namespace wskit::server
