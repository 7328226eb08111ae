#include "wsserve/connection/frame_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/reply.h"
#include "common/websocket/message_writer.h"
#include "wsserve/connection/host.h"
#include "wsserve/fanout/subscribe_options.h"

namespace wskit::server {

using protocol::CloseCode;
using websocket::MessageReader;

FrameService::FrameService(Connection& connection, const websocket::ReaderLimits& limits)
    : Session(connection), reader_(websocket::Role::kServer, limits) {}

// --- The opening -----------------------------------------------------------------

void FrameService::speak(const Dialect& dialect) {
  dialect_ = &dialect;
  set_wire_form(WireForm::kCbor);
}

void FrameService::agree_on_deflate(const websocket::DeflateParameters& parameters) {
  if (parameters.client_no_context_takeover) {
    reader_.share_inflater(&host().inflater);
  } else {
    reader_.own_inflater(std::make_unique<websocket::Inflater>(parameters.client_max_window_bits, true));
  }
  if (parameters.server_no_context_takeover && parameters.server_max_window_bits == 15) {
    set_wire_form(WireForm::kDeflated);
  } else {
    set_wire_form(WireForm::kOwn);
    deflater_ = std::make_unique<websocket::Deflater>(parameters.server_max_window_bits,
                                                      !parameters.server_no_context_takeover);
  }
}

void FrameService::open(const std::vector<std::string>& channels, const SubscribeOptions& options) {
  if (const auto refusal = enter()) {
    host().counters.refused.add();
    return close(CloseCode::kTryAgainLater, *refusal);
  }
  begin(options);
  greet(channels, options);
  schedule_beat();
  writer().flush_later();
}

void FrameService::greet(const std::vector<std::string>& channels, const SubscribeOptions& options) {
  tell_heartbeats(heartbeat().count() > 0);
  host().server.people().enter(people::People::key(host().index, client().number()));
  const FirstSubscriptions first{.channels = channels, .defaults = options.defaults, .since = options.since};
  if (client().identity().awaits_token) client().await_token(first);
  host().commands.welcome(*this, first, heartbeat(), reader_.limits().max_message_bytes);
}

void FrameService::left() {
  host().server.people().leave(people::People::key(host().index, client().number()));
}

// --- Reading ---------------------------------------------------------------------

void FrameService::on_bytes(std::span<char> bytes) {
  if (is_open()) read_frames(bytes);
}

void FrameService::read_frames(std::span<char> bytes) {
  reader_.feed(bytes);
  // What was sent before another one's reason to close is carried out; behind a reason
  // of its own nothing is.
  const bool is_closing = connection().will_close();
  while (is_open() && connection().will_close() == is_closing) {
    if (connection().is_suspended()) return connection().pending()->keep_unread(reader_.take_back());
    const MessageReader::Item item = reader_.next();
    switch (item.kind) {
      case MessageReader::Kind::kNeedMore:
        return;
      case MessageReader::Kind::kMessage:
        note_message();
        handle_message(item);
        break;
      case MessageReader::Kind::kPing:
        answer_ping(item.payload);
        break;
      case MessageReader::Kind::kPong:
        break;
      case MessageReader::Kind::kClose:
        return close(item.code, {});
      case MessageReader::Kind::kViolation:
        host().counters.closed_violation.add();
        if (item.code == CloseCode::kTooBig) host().counters.too_large.add();
        return close(item.code, item.reason);
    }
  }
}

void FrameService::handle_message(const MessageReader::Item& item) {
  const std::string_view message(item.payload.data(), item.payload.size());
  if (dialect_ != nullptr) return handle_in_dialect(item.opcode, message);
  if (item.opcode != websocket::Opcode::kText) {
    host().counters.closed_violation.add();
    return close(CloseCode::kUnsupportedData, "commands are JSON in text messages; this one was binary");
  }
  host().commands.run(*this, message);
}

void FrameService::handle_in_dialect(websocket::Opcode opcode, std::string_view message) {
  if (opcode != dialect_->opcode()) {
    host().counters.closed_violation.add();
    return close(CloseCode::kUnsupportedData,
                 std::string(dialect_->subprotocol()) + " is spoken in binary messages; this one was text");
  }
  std::string storage;
  const auto command = dialect_->read(message, storage);
  if (!command) return host().commands.refuse_unread(*this, command.error());
  // An event of it would be larger than any that comes in JSON.
  const std::size_t most = reader_.limits().max_message_bytes;
  if (command->size() > most) {
    host().counters.too_large.add();
    return host().commands.refuse_unread(
        *this,
        {protocol::ErrorCode::kTooLarge,
         fmt::format("the message has {} bytes as JSON; at most {} are allowed", command->size(), most),
         {}});
  }
  host().commands.run(*this, *command);
}

void FrameService::answer_ping(std::span<const char> payload) {
  const std::string_view text(payload.data(), payload.size());
  writer().queue([&](Outbound& queue) {
    if (!writer().is_blocked()) {
      return websocket::append_frame(queue.replies(), websocket::Opcode::kPong, text, nullptr);
    }
    std::string pong;
    websocket::append_frame(pong, websocket::Opcode::kPong, text, nullptr);
    if (queue.put_control(pong, Outbound::Control::kPong)) host().counters.merged_pongs.add();
  });
}

// --- Writing ---------------------------------------------------------------------

void FrameService::queue_text(std::string_view json) {
  if (dialect_ == nullptr) {
    return writer().queue([&](Outbound& queue) {
      websocket::append_frame(queue.replies(), websocket::Opcode::kText, json, nullptr);
    });
  }
  std::string payload;
  dialect_->write(payload, json);
  writer().queue([&](Outbound& queue) {
    websocket::append_frame(queue.replies(), dialect_->opcode(), payload, nullptr);
  });
}

websocket::Deflater& FrameService::deflater() {
  return wire_form() == WireForm::kOwn ? *deflater_ : host().deflater;
}

void FrameService::deliver_each(std::span<const ChunkPtr> frames) {
  std::string run;
  std::string compressed;
  for (const ChunkPtr& frame : frames) {
    compressed.clear();
    deflater_->compress(frame->text(), compressed);
    websocket::append_frame(run, websocket::Opcode::kText, compressed, nullptr, true);
  }
  deliver(Chunk::copy_of(run), static_cast<std::uint32_t>(frames.size()));
}

void FrameService::queue_farewell(CloseCode code, std::string_view reason) {
  std::string frame;
  websocket::append_close(frame, code, reason, nullptr);
  if (code == CloseCode::kSlowConsumer) {
    writer().outbound().put_control(frame, Outbound::Control::kClose);
  } else {
    writer().outbound().replies() += frame;
  }
}

// --- Time ------------------------------------------------------------------------

void FrameService::beat() {
  if (connection().is_reading_paused() || connection().is_suspended()) connection().heard();
  const bool is_silent = host().now >= silent_from();
  if (is_silent && writer().is_paused()) {
    // Not read because it does not read: its silence says nothing.
    host().counters.closed_slow.add();
    return close(CloseCode::kSlowConsumer, "slow consumer: the answers to its commands are not read");
  }
  if (is_silent && !writer().transport().has_unread()) {
    host().counters.closed_silent.add();
    return close(CloseCode::kHeartbeatTimeout, "nothing was heard for two heartbeats; come back with since");
  }
  if (is_beat_due()) ping();
  schedule_beat();
}

void FrameService::ping() {
  host().agenda.after_turn(connection(), Due::kPinged);
  if (tells_heartbeats()) {
    std::string text;
    protocol::append_reply(text, {}, host().clock.timestamp(), counters());
    send_text(text);
  }
  std::string ping;
  websocket::append_frame(ping, websocket::Opcode::kPing, {}, nullptr);
  writer().queue([&](Outbound& queue) {
    // One waiting ping is enough for a peer that does not read.
    if (writer().is_blocked()) {
      queue.put_control(ping, Outbound::Control::kPing);
    } else {
      queue.replies() += ping;
    }
  });
}

void FrameService::on_pinged(Clock::time_point written) {
  if (unanswered_ping_ < connection().last_heard()) unanswered_ping_ = written;
}

// A client that says nothing more is silent two intervals after it was heard, and one after it
// was asked. A server that stood still for longer (a suspended machine, a debugger) has asked
// nobody meanwhile.
Clock::time_point FrameService::silent_from() const {
  const Clock::time_point heard = connection().last_heard();
  if (unanswered_ping_ < heard) return Clock::time_point::max();
  return std::max(heard + 2 * ping_interval(), unanswered_ping_ + ping_interval());
}

}  // namespace wskit::server
