// A connection that is a stream of server-sent events.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>

#include "common/protocol/channel.h"
#include "wsserve/channel/hub.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/event_stream.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/http/router.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

// Readers that lose a server at the same moment come back over this time.
constexpr std::chrono::milliseconds kShortestRetry{1'000};
constexpr std::chrono::milliseconds kLongestRetry{3'000};
// For a server that has no room, or is about to end.
constexpr std::chrono::milliseconds kLaterRetry{10'000};

std::chrono::milliseconds any_retry() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::chrono::milliseconds(
      std::uniform_int_distribution(kShortestRetry.count(), kLongestRetry.count())(random));
}

}  // namespace

// --- Begin -----------------------------------------------------------------

void Connection::open_stream(http::EventStreamRequest& request, bool head) {
  if (!head) return host_.commands.open_stream(*this, request);
  const std::string text = http::serialize_event_stream(page_headers());
  writer_.outbound().append_http(text);
  writer_.finish_when_written();
  host_.wheel.schedule(*this, host_.now + host_.settings->close_timeout);
  writer_.queue_changed(writer_.outbound().bytes() - text.size());
}

bool Connection::begin_stream(const http::EventStreamRequest& request) {
  const std::string head = http::serialize_event_stream(page_headers());
  const bool single = request.channels.size() == 1 && !protocol::looks_like_pattern(request.channels.front());
  auto stream = std::make_unique<EventStream>(StreamCursor(host_.clock.receive_time().at, single),
                                              request.named, any_retry());
  writer_.put_http(head);
  http_.reset();
  phase_ = Phase::kOpen;
  owes_answer_ = false;
  stream_ = std::move(stream);
  set_wire_form(WireForm::kOwn);
  host_.counters.connections.add();
  host_.counters.event_streams.add();
  std::optional<std::string> refusal;
  const bool admitted = host_.server.admit();
  if (!admitted) {
    refusal = "too many connections; come back later";
  } else {
    refusal = client_.enter();
  }
  if (refusal || host_.server.draining()) {
    // An answer with another status would end a browser's EventSource for good.
    stream_->set_retry(kLaterRetry);
    if (refusal) host_.counters.refused.add();
    close(refusal ? CloseCode::kTryAgainLater : CloseCode::kGoingAway,
          refusal.value_or("the server is leaving; come back later"));
    return false;
  }
  begin_service(Service::kEvents, request.channels, request.options);
  // Nothing is ever heard of a reader, so the kernel is asked to notice that it is gone.
  const auto patience = static_cast<unsigned>(2 * ping_interval().count());
  ::setsockopt(writer_.transport().fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
  const std::size_t before = writer_.outbound().bytes();
  stream_->append_retry(writer_.outbound().replies());
  writer_.queue_changed(before);
  return true;
}

void Connection::begin_position(std::string_view channel, std::string_view epoch, std::uint64_t offset) {
  stream_->cursor().begin(channel, epoch, offset);
}

void Connection::positions_are_known() {
  if (phase_ != Phase::kOpen || !can_say_position()) return;
  const std::size_t before = writer_.outbound().bytes();
  stream_->append_position(writer_.outbound().replies(), host_.clock.receive_time().at, {});
  writer_.queue_changed(before);
}

// --- Write -----------------------------------------------------------------

void Connection::send_to_stream(std::string_view json) {
  const std::size_t before = writer_.outbound().bytes();
  EventStream::append_control(writer_.outbound().replies(), json);
  writer_.queue_changed(before);
}

void Connection::deliver_to_stream(std::span<const ChunkPtr> frames) {
  const protocol::SystemMicros now = host_.clock.receive_time().at;
  const bool tell_position = can_say_position() && !waits_to_be_merged();
  const auto find_epoch = [this](std::string_view channel) { return host_.hub.find(channel)->epoch(); };
  std::string run;
  for (const ChunkPtr& frame : frames) {
    stream_->append_event(run, *frame, now, tell_position, find_epoch);
  }
  deliver(Chunk::copy_of(run), static_cast<std::uint32_t>(frames.size()));
  const std::size_t looked_at = waits_to_be_merged() ? StreamCursor::kMaxBytes : 0;
  if (phase_ == Phase::kOpen && stream_->is_position_due(looked_at)) say_position();
}

bool Connection::waits_to_be_merged() const { return latest_ != nullptr && !latest_->conflation.empty(); }

// Of a channel that is left out nobody can say how far its history was read.
bool Connection::can_say_position() const { return stream_->cursor().is_complete() || catch_up_ == nullptr; }

void Connection::say_position() {
  if (!can_say_position()) return;
  StreamCursor::Held held;
  if (waits_to_be_merged()) {
    latest_->conflation.look([&held](const Channel& channel, std::uint64_t offset) {
      std::uint64_t& limit = held.try_emplace(channel.name(), offset - 1).first->second;
      limit = std::min(limit, offset - 1);
    });
  }
  const std::size_t before = writer_.outbound().bytes();
  stream_->append_position(writer_.outbound().replies(), host_.clock.receive_time().at, held);
  writer_.queue_changed(before);
}

// --- Time ------------------------------------------------------------------

void Connection::beat_stream() {
  const auto now = host_.now;
  const auto silence = 2 * ping_interval();
  if (!writer_.is_blocked()) last_heard_ = now;
  if (now - last_heard_ >= silence) return overflow(0);
  if (now >= next_beat_) {
    next_beat_ = now + ping_interval();
    if (!writer_.is_blocked()) {
      if (stream_->is_ahead_of_id()) say_position();
      const std::size_t before = writer_.outbound().bytes();
      http::append_comment(writer_.outbound().replies());
      writer_.queue_changed(before);
    }
  }
  schedule_beat();
}

}  // namespace wskit::server
