#include "common/client/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cstring>
#include <utility>

#include "common/cbor/cbor_reader.h"
#include "common/cbor/cbor_writer.h"
#include "common/client/refusal_hint.h"
#include "common/client/retry_plan.h"
#include "common/websocket/message_writer.h"

namespace wskit::client {
namespace {

namespace asio = boost::asio;
using protocol::CloseCode;
using websocket::MessageReader;
using websocket::Opcode;

// Below this a compressed message is hardly smaller.
constexpr std::size_t kCompressFrom = 128;

std::string describe_close(CloseCode code, std::string_view reason, const ClientOptions& options) {
  const std::string why = reason.empty() ? std::string(protocol::to_string(code)) : std::string(reason);
  if (code == CloseCode::kNoStatus) return "the server closed the connection without a reason";
  // What follows it is for those who have to come back by themselves.
  const std::string_view said = std::string_view(why).substr(0, why.find("; come back with since"));
  std::string text =
      fmt::format("the server closed the connection: {} {}", static_cast<unsigned>(code), said);
  if (code == CloseCode::kUnauthorized) text += "; " + unauthorized_hint(options);
  if (code == CloseCode::kForbidden) text += "; " + forbidden_hint(options);
  return text;
}

}  // namespace

Connection::Connection(asio::io_context& io, OpenedStream opened, const ClientOptions& options,
                       ClientStatistics& statistics, Owner& owner)
    : io_(io),
      stream_(std::move(opened.stream)),
      options_(options),
      statistics_(statistics),
      owner_(&owner),
      limits_{.max_message_bytes = options.max_message_bytes},
      reader_(websocket::Role::kClient, limits_),
      buffer_(options.read_buffer_bytes + MessageReader::kPadding),
      early_(std::move(opened.received)),
      heartbeat_(options.default_heartbeat),
      silence_timer_(io),
      close_timer_(io) {
  if (!opened.deflate) return;
  const websocket::DeflateParameters& agreed = *opened.deflate;
  reader_.own_inflater(std::make_unique<websocket::Inflater>(agreed.server_max_window_bits,
                                                             !agreed.server_no_context_takeover));
  deflater_ = std::make_unique<websocket::Deflater>(agreed.client_max_window_bits,
                                                    !agreed.client_no_context_takeover);
}

void Connection::start() {
  last_heard_ = Clock::now();
  watch_silence();
  if (early_.empty()) return read();
  // From the loop, like all other bytes, so that the owner has returned from its opening.
  reading_ = true;
  asio::post(io_, [self = shared_from_this()] {
    if (self->owner_ == nullptr) return;
    self->reading_ = false;
    const std::string early = std::move(self->early_);
    for (std::size_t at = 0; at < early.size() && self->owner_ != nullptr && !self->ending_;) {
      const std::size_t count = std::min(early.size() - at, self->options_.read_buffer_bytes);
      std::memcpy(self->buffer_.data(), early.data() + at, count);
      at += count;
      self->handle_bytes(count);
    }
    if (self->owner_ != nullptr && !self->ending_) self->read();
  });
}

void Connection::read() {
  if (reading_ || paused_) return;
  reading_ = true;
  stream_->async_read_some(
      asio::buffer(buffer_.data(), options_.read_buffer_bytes),
      [self = shared_from_this()](const Error& error, std::size_t count) { self->on_read(error, count); });
}

void Connection::on_read(const Error& error, std::size_t count) {
  reading_ = false;
  if (owner_ == nullptr || ending_) return;
  if (error) return on_stream_error(error);
  handle_bytes(count);
  if (owner_ != nullptr && !ending_) read();
}

void Connection::handle_bytes(std::size_t count) {
  last_heard_ = Clock::now();
  reader_.feed({buffer_.data(), count});
  for (MessageReader::Item item = reader_.next(); item.kind != MessageReader::Kind::kNeedMore;
       item = reader_.next()) {
    if (!handle(item)) break;
  }
  if (owner_ != nullptr) owner_->on_batch_end();
  flush();
}

bool Connection::handle(const MessageReader::Item& item) {
  switch (item.kind) {
    case MessageReader::Kind::kMessage:
      return handle_message(item);
    case MessageReader::Kind::kPing:
      if (!close_sent_) frame(Opcode::kPong, {item.payload.data(), item.payload.size()});
      return true;
    case MessageReader::Kind::kPong:
      return true;
    case MessageReader::Kind::kClose:
      on_peer_close(item.code, item.reason);
      return false;
    case MessageReader::Kind::kViolation:
      fail_stream(item.code, item.reason);
      return false;
    case MessageReader::Kind::kNeedMore:
      break;
  }
  return false;
}

bool Connection::handle_message(const MessageReader::Item& item) {
  ++statistics_.messages_received;
  statistics_.bytes_received += item.payload.size();
  const std::string_view payload(item.payload.data(), item.payload.size());
  if (options_.wire == Wire::kCbor) return handle_cbor(item.opcode, payload);
  if (item.opcode != Opcode::kText) {
    fail_stream(CloseCode::kUnsupportedData, "a binary message, and only text is understood");
    return false;
  }
  owner_->on_text(payload);
  return owner_ != nullptr;
}

bool Connection::handle_cbor(Opcode opcode, std::string_view payload) {
  if (opcode != Opcode::kBinary) {
    fail_stream(CloseCode::kUnsupportedData, "a text message, and CBOR comes in binary ones");
    return false;
  }
  translated_.clear();
  if (const auto read = cbor::append_as_json(translated_, payload); !read) {
    fail_stream(CloseCode::kInvalidPayload, read.error().message);
    return false;
  }
  owner_->on_text(translated_);
  return owner_ != nullptr;
}

void Connection::on_peer_close(CloseCode code, std::string_view reason) {
  if (close_sent_) return end({});
  const Lasting lasting = protocol::should_reconnect(code) ? Lasting::kNo : Lasting::kYes;
  ConnectFailure why = connect_failure(lasting == Lasting::kYes ? FailureKind::kRefused : FailureKind::kLost,
                                       describe_close(code, reason, options_), lasting);
  why.failure.close_code = code;
  why.retry_after = reconnect_hint(reason);
  // The peer reads nothing any more but the answer.
  queued_.clear();
  websocket::append_close(queued_, code, {}, &masks_);
  ending_ = std::move(why);
  begin_closing();
  flush();
}

void Connection::fail_stream(CloseCode code, std::string_view reason) {
  if (!close_sent_) websocket::append_close(queued_, code, reason, &masks_);
  ending_ = connect_failure(FailureKind::kRefused, fmt::format("the server broke the protocol: {}", reason),
                            Lasting::kYes);
  ending_->failure.close_code = code;
  begin_closing();
  flush();
}

void Connection::send(std::string_view text) {
  if (owner_ == nullptr || close_sent_) return;
  ++statistics_.messages_sent;
  if (options_.wire == Wire::kCbor) {
    std::string message;
    cbor::append_json(message, text);
    websocket::append_frame(queued_, Opcode::kBinary, message, &masks_);
  } else if (deflater_ && text.size() >= kCompressFrom) {
    deflated_.clear();
    deflater_->compress(text, deflated_);
    websocket::append_frame(queued_, Opcode::kText, deflated_, &masks_, true);
  } else {
    websocket::append_frame(queued_, Opcode::kText, text, &masks_);
  }
  schedule_flush();
}

void Connection::frame(Opcode opcode, std::string_view payload) {
  websocket::append_frame(queued_, opcode, payload, &masks_);
  schedule_flush();
}

// Once in a turn of the loop, so that everything sent in it makes one write.
void Connection::schedule_flush() {
  above_low_water_ = above_low_water_ || pending_bytes() > options_.low_water_bytes;
  if (flush_scheduled_ || write_in_flight_) return;
  flush_scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void Connection::flush() {
  if (owner_ == nullptr || write_in_flight_) return;
  if (!queued_.empty()) {
    writing_.clear();
    writing_.swap(queued_);
    written_ = 0;
    write();
  } else if (ending_) {
    end(std::move(*ending_));
  }
}

void Connection::write() {
  write_in_flight_ = true;
  stream_->async_write_some(
      asio::buffer(writing_) + written_,
      [self = shared_from_this()](const Error& error, std::size_t count) { self->on_written(error, count); });
}

void Connection::on_written(const Error& error, std::size_t count) {
  write_in_flight_ = false;
  if (owner_ == nullptr) return;
  // Why the peer went shows on the reading side, unless that has ended already.
  if (error) {
    if (ending_) return end(std::move(*ending_));
    if (paused_) return on_stream_error(error);
    return;
  }
  written_ += count;
  statistics_.bytes_sent += count;
  if (written_ < writing_.size()) {
    write();
  } else {
    writing_.clear();
    written_ = 0;
    flush();
  }
  if (owner_ == nullptr || !above_low_water_ || pending_bytes() > options_.low_water_bytes) return;
  above_low_water_ = false;
  owner_->on_writable();
}

void Connection::pause_reading() { paused_ = true; }

void Connection::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  last_heard_ = Clock::now();
  if (owner_ != nullptr && !ending_) read();
}

void Connection::set_heartbeat(std::chrono::nanoseconds heartbeat) {
  heartbeat_ = heartbeat;
  watch_silence();
}

// Wakes up when the peer has been silent for one heartbeat; after that, when it has been
// for two and was asked one ago: a process that stood still itself asks first.
void Connection::watch_silence() {
  if (paused_) {
    silence_timer_.expires_at(Clock::now() + heartbeat_);
  } else if (pinged_ < last_heard_) {
    silence_timer_.expires_at(last_heard_ + heartbeat_);
  } else {
    silence_timer_.expires_at(std::max(last_heard_ + 2 * heartbeat_, pinged_ + heartbeat_));
  }
  silence_timer_.async_wait([self = shared_from_this()](const Error& error) {
    if (!error && self->owner_ != nullptr) self->on_silence_timer();
  });
}

void Connection::on_silence_timer() {
  const Clock::time_point now = Clock::now();
  const std::chrono::nanoseconds silent = now - last_heard_;
  if (!paused_ && silent >= heartbeat_) {
    if (pinged_ < last_heard_) {
      pinged_ = now;
      if (!close_sent_) frame(Opcode::kPing, {});
    } else if (silent >= 2 * heartbeat_ && now - pinged_ >= heartbeat_) {
      return give_up(fmt::format("the server was silent for {} ms",
                                 std::chrono::duration_cast<std::chrono::milliseconds>(silent).count()));
    }
  }
  watch_silence();
}

void Connection::close(CloseCode code, std::string_view reason) {
  if (owner_ == nullptr || close_sent_) return;
  websocket::append_close(queued_, code, reason, &masks_);
  begin_closing();
  schedule_flush();
  // The peer's close frame lies behind what was not read yet.
  resume_reading();
}

// Nothing more is sent from here on, and the end comes within the time limit.
void Connection::begin_closing() {
  close_sent_ = true;
  close_timer_.expires_after(options_.close_timeout);
  close_timer_.async_wait([self = shared_from_this()](const Error& error) {
    if (error || self->owner_ == nullptr) return;
    self->end(self->ending_ ? std::move(*self->ending_) : ConnectFailure{});
  });
}

void Connection::drop() {
  owner_ = nullptr;
  silence_timer_.cancel();
  close_timer_.cancel();
  stream_->close();
}

void Connection::give_up(std::string_view why) {
  if (owner_ == nullptr) return;
  end(lost(why));
}

void Connection::on_stream_error(const Error& error) {
  // After our close frame any end is the end we asked for.
  if (close_sent_) return end({});
  const bool quiet_end = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
  end(lost(quiet_end ? "the server ended it without a close frame" : error.message()));
}

ConnectFailure Connection::lost(std::string_view why) const {
  ConnectFailure failure = connect_failure(
      FailureKind::kLost, fmt::format("lost the connection to {}: {}", options_.url.display(), why),
      Lasting::kNo);
  failure.failure.close_code = CloseCode::kAbnormal;
  return failure;
}

void Connection::end(ConnectFailure why) {
  if (owner_ == nullptr) return;
  Owner& owner = *owner_;
  drop();
  owner.on_closed(why);
}

}  // namespace wskit::client
