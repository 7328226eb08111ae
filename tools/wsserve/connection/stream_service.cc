#include "wsserve/connection/stream_service.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>

#include "wsserve/channel/hub.h"
#include "wsserve/connection/host.h"
#include "wsserve/fanout/subscribe_options.h"
#include "wsserve/http/event_stream.h"

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

StreamService::StreamService(Connection& connection, bool single, bool named)
    : Session(connection), stream_(StreamCursor(host().clock.receive_time().at, single), named, any_retry()) {
  set_wire_form(WireForm::kOwn);
}

// --- The opening and the end -----------------------------------------------------

bool StreamService::open(const SubscribeOptions& options) {
  host().counters.event_streams.add();
  const auto refusal = enter();
  if (refusal || host().server.draining()) {
    // An answer with another status would end a browser's EventSource for good.
    stream_.set_retry(kLaterRetry);
    if (refusal) host().counters.refused.add();
    close(refusal ? CloseCode::kTryAgainLater : CloseCode::kGoingAway,
          refusal.value_or("the server is leaving; come back later"));
    return false;
  }
  begin(options);
  schedule_beat();
  writer().flush_later();
  // Nothing is ever heard of a reader, so the kernel is asked to notice that it is gone.
  const auto patience = static_cast<unsigned>(2 * ping_interval().count());
  ::setsockopt(writer().transport().fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
  writer().queue([this](Outbound& queue) { stream_.append_retry(queue.replies()); });
  return true;
}

void StreamService::on_drain(std::chrono::milliseconds come_back_after) {
  stream_.set_retry(come_back_after);
  Session::on_drain(come_back_after);
}

void StreamService::queue_farewell(CloseCode code, std::string_view reason) {
  stream_.append_farewell(writer().outbound().replies(), code, reason, host().clock.timestamp());
}

void StreamService::left() { host().counters.event_streams.subtract(); }

// --- Positions -------------------------------------------------------------------

void StreamService::begin_position(std::string_view channel, std::string_view epoch, std::uint64_t offset) {
  stream_.cursor().begin(channel, epoch, offset);
}

void StreamService::positions_are_known() {
  if (!is_open() || !can_say_position()) return;
  writer().queue([this](Outbound& queue) {
    stream_.append_position(queue.replies(), host().clock.receive_time().at, {});
  });
}

// Of a channel that is left out nobody can say how far its history was read.
bool StreamService::can_say_position() const { return stream_.cursor().is_complete() || !is_recovering(); }

void StreamService::say_position() {
  if (!can_say_position()) return;
  StreamCursor::Held held;
  look_at_latest([&held](const Channel& channel, std::uint64_t offset) {
    std::uint64_t& limit = held.try_emplace(channel.name(), offset - 1).first->second;
    limit = std::min(limit, offset - 1);
  });
  writer().queue([&](Outbound& queue) {
    stream_.append_position(queue.replies(), host().clock.receive_time().at, held);
  });
}

// --- Writing ---------------------------------------------------------------------

void StreamService::queue_text(std::string_view json) {
  writer().queue([&](Outbound& queue) { EventStream::append_control(queue.replies(), json); });
}

void StreamService::deliver_each(std::span<const ChunkPtr> frames) {
  const protocol::SystemMicros now = host().clock.receive_time().at;
  const bool tell_position = can_say_position() && !has_latest();
  const auto find_epoch = [this](std::string_view channel) { return host().hub.find(channel)->epoch(); };
  std::string run;
  for (const ChunkPtr& frame : frames) {
    stream_.append_event(run, *frame, now, tell_position, find_epoch);
  }
  deliver(Chunk::copy_of(run), static_cast<std::uint32_t>(frames.size()));
  const std::size_t looked_at = has_latest() ? StreamCursor::kMaxBytes : 0;
  if (is_open() && stream_.is_position_due(looked_at)) say_position();
}

// That bytes go away is all that is ever heard of the reader.
void StreamService::on_flushed(bool sent) {
  if (sent) connection().heard();
  Session::on_flushed(sent);
}

// --- Time ------------------------------------------------------------------------

void StreamService::beat() {
  if (!writer().is_blocked()) connection().heard();
  if (host().now - connection().last_heard() >= 2 * ping_interval()) return overflow(0);
  if (is_beat_due() && !writer().is_blocked()) {
    if (stream_.is_ahead_of_id()) say_position();
    writer().queue([](Outbound& queue) { http::append_comment(queue.replies()); });
  }
  schedule_beat();
}

}  // namespace wskit::server
