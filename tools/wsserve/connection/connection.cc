#include "wsserve/connection/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "wsserve/connection/exchange.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
#include "wsserve/log/server_log.h"
#include "wsserve/transport/first_bytes.h"

namespace wskit::server {

Connection::Connection(Host& host, OwnedFd socket, const PeerAddress& address, std::uint64_t number,
                       AdmissionStatePtr admission_state)
    : writer_(host, *this, std::move(socket)),
      service_(std::make_unique<Exchange>(*this)),
      client_(host, address, number, std::move(admission_state)),
      last_heard_(host.now) {}

Connection::~Connection() = default;

void Connection::start() {
  watched_ = EPOLLIN;
  awaits_tls_ = host().settings->tls != nullptr && client_.address().ip().has_value();
  if (!host().poller.add(writer_.transport().fd(), watched_, this)) return abort();
  schedule(host().now + host().settings->handshake_timeout);
}

void Connection::become(std::unique_ptr<Service> next) noexcept {
  previous_ = std::exchange(service_, std::move(next));
}

void Connection::schedule(Clock::time_point deadline) { host().wheel.schedule(*this, deadline); }

void Connection::heard() { last_heard_ = host().now; }

// --- What the poller and the wheel say -------------------------------------------

void Connection::on_ready(std::uint32_t events) noexcept {
  previous_.reset();
  host().guard(*this, "what a peer sent", [&] { handle_readiness(events); });
}

void Connection::on_deadline() noexcept {
  host().guard(*this, "the time of a connection", [this] {
    if (!dead_) service_->on_deadline();
  });
}

void Connection::handle_readiness(std::uint32_t events) {
  if (dead_) return;
  if ((events & EPOLLOUT) != 0) {
    writer_.flush();
    if (!dead_) service_->on_writable();
  }
  if (dead_) return;
  if ((events & EPOLLIN) != 0) {
    if (client_.awaited_header() != nullptr) return read_proxy_header();
    const bool carries_out_nothing = host().quiet && peer() != nullptr && peer()->is_open();
    if (!carries_out_nothing) read();
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    abort();
  }
}

void Connection::watch() {
  service_->on_pressure();
  const bool reads = !writer_.is_paused() && !reading_paused_ && !is_suspended() && !will_close();
  const std::uint32_t wanted = (reads ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
                               (writer_.is_blocked() ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  host().poller.change(writer_.transport().fd(), wanted, this);
}

// --- Reading ---------------------------------------------------------------------

void Connection::read() {
  if (awaits_tls_ || writer_.transport().tls() != nullptr) return read_tls();
  const std::span<char> buffer = host().receive_buffer;
  const ssize_t count = writer_.transport().receive(buffer);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count == 0) return handle_end();
  if (count < 0) return abort();
  handle_bytes(buffer.first(static_cast<std::size_t>(count)));
}

void Connection::handle_bytes(std::span<char> bytes) {
  host().counters.bytes_in.add(bytes.size());
  bytes_in_ += bytes.size();
  heard();
  service_->on_bytes(bytes);
}

// It asks for nothing more, and still wants the answers that it does not have. Those
// that the store has come first: resume() takes the end up again.
void Connection::handle_end() {
  if (dead_ || is_suspended() || will_close()) return;
  writer_.finish_when_written();
  writer_.flush();
  if (!dead_) service_->on_end();
}

void Connection::look_for_end() {
  if (writer_.transport().over()) handle_end();
}

void Connection::pause_reading() {
  if (reading_paused_) return;
  host().agenda.after_turn(*this, Due::kResumeReading);
  reading_paused_ = true;
  host().counters.held_back.add();
  watch();
}

void Connection::resume_reading() {
  reading_paused_ = false;
  heard();
  if (!dead_) watch();
}

void Connection::read_to_the_end() {
  writer_.resume();
  reading_paused_ = false;
  pending_.reset();
  watch();
}

// --- PROXY header and TLS --------------------------------------------------------

// Takes off the socket what belongs to the header and no byte more: what follows
// may be TLS, which reads for itself.
void Connection::read_proxy_header() {
  std::span<char> buffer = host().receive_buffer;
  buffer = buffer.first(std::min(buffer.size(), ProxyHeader::kMaxBytes));
  const int fd = writer_.transport().fd();
  const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count <= 0) return abort();
  const auto [status, used] =
      client_.awaited_header()->feed({buffer.data(), static_cast<std::size_t>(count)});
  (void)::recv(fd, buffer.data(), used, MSG_DONTWAIT);
  host().counters.bytes_in.add(used);
  if (status == ProxyHeader::Status::kNeedMore) return;
  if (status == ProxyHeader::Status::kBad) {
    host().counters.bad_proxy_headers.add();
    logs::trouble(host(), client_, Trouble::kProxyHeader, "it is no PROXY header of version 1 or 2");
    return abort();
  }
  if (client_.accept_header()) return;
  host().counters.dropped_connections.add();
  logs::trouble(host(), client_, Trouble::kConnectionLimit, "dropped without a word");
  abort();
}

void Connection::read_tls() {
  Transport& transport = writer_.transport();
  const std::span<char> buffer = host().receive_buffer;
  const bool was_established = transport.tls() != nullptr && transport.tls()->established();
  const ssize_t count = awaits_tls_ ? begin_tls(buffer) : transport.receive(buffer);
  const int error = errno;
  if (transport.tls() == nullptr) {
    if (count == 0 || (count < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR)) abort();
    return;
  }
  if (!was_established && transport.tls()->established()) host().counters.tls_handshakes.add();
  if (count > 0) handle_bytes(buffer.first(static_cast<std::size_t>(count)));
  if (dead_) return;
  if (transport.tls()->failed()) return fail_tls();
  if (count == 0 && !transport.tls()->established()) {
    host().counters.tls_failures.add();
    logs::trouble(host(), client_, Trouble::kTls, "the client left in the middle");
    return abort();
  }
  if (count == 0 || transport.over()) return handle_end();
  if (count < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR) return abort();
  writer_.look_at_tls();
}

// The connection's first bytes say whether this is TLS at all. Until then it costs
// no more than a plain one. As recv(2); without TLS afterwards there is nothing to take.
ssize_t Connection::begin_tls(std::span<char> buffer) {
  const ssize_t count = writer_.transport().receive(buffer);
  if (count <= 0) return count;
  awaits_tls_ = false;
  const auto size = static_cast<std::size_t>(count);
  if (begins_http({buffer.data(), size})) {
    service_->on_plain_http();
    return count;
  }
  writer_.transport().start_tls(*host().settings->tls);
  return writer_.transport().receive(buffer, size);
}

// Where the handshake failed, the alert that says why must not be overtaken by the
// reset that the kernel sends if a socket is closed with bytes unread.
void Connection::fail_tls() {
  host().counters.tls_failures.add();
  logs::trouble(host(), client_, Trouble::kTls, "the two sides did not agree, or what came was broken");
  if (peer() != nullptr || writer_.has_queue()) return abort();
  writer_.give_up_tls();
  schedule(host().now + host().settings->close_timeout);
}

// --- Writing ---------------------------------------------------------------------

void Connection::flush() {
  previous_.reset();
  if (!dead_) writer_.flush();
}

void Connection::flush_later() { host().agenda.after_turn(*this, Due::kFlush); }

void Connection::flushed(bool sent) {
  service_->on_flushed(sent);
  watch();
}

// --- Waiting for answers ---------------------------------------------------------

PendingReplies& Connection::make_pending() {
  if (pending_ == nullptr) pending_ = std::make_unique<PendingReplies>();
  return *pending_;
}

void Connection::await(PublishedReply reply) {
  PendingReplies& pending = make_pending();
  if (!pending.has_replies()) host().agenda.after_turn(*this, Due::kSettle);
  pending.add(std::move(reply));
}

bool Connection::settle(const broker::Broker& broker) {
  if (pending_ == nullptr) return true;
  const broker::Ticket newest = broker.settled();
  while (const auto reply = pending_->take_settled(newest)) {
    const SettledReply settled(*reply, [&broker](broker::Ticket ticket) { return broker.outcome(ticket); });
    host().counters.published.take_back(settled.lost_first() + settled.late_duplicates());
    host().counters.duplicates.add(settled.late_duplicates());
    host().counters.unavailable.add(settled.lost());
    if (!service_->on_settled(settled)) return true;
  }
  if (pending_->has_replies()) return false;
  close_if_deferred();
  return true;
}

void Connection::suspend() {
  make_pending().suspend();
  watch();
}

void Connection::resume(const std::function<void()>& answer) {
  pending_->answered();
  answer();
  if (pending_ == nullptr || pending_->is_suspended()) return;
  heard();
  service_->on_resumed();
}

bool Connection::awaits_answer() const {
  return is_suspended() || (peer() != nullptr && peer()->awaits_history());
}

bool Connection::defer_close(protocol::CloseCode code, std::string_view reason) {
  if (pending_ == nullptr || code == protocol::CloseCode::kSlowConsumer) return false;
  if (!pending_->defer(code, reason)) return false;
  watch();
  return true;
}

void Connection::close_if_deferred() {
  if (!pending_->done()) return;
  const auto wanted = pending_->take_close();
  pending_.reset();
  if (wanted) close(wanted->code, wanted->reason);
}

// --- The end ---------------------------------------------------------------------

void Connection::abort(std::string_view why) noexcept {
  if (dead_) return;
  service_->on_abort(why);
  dead_ = true;
  writer_.abandon();
  pending_.reset();
  host().wheel.cancel(*this);
  host().poller.remove(writer_.transport().fd());
  host().agenda.after_turn(*this, Due::kDestroy);
}

void Connection::fail() noexcept {
  try {
    writer_.take_back_unfinished();
    if (!dead_) service_->on_failure();
  } catch (...) {
    host().caught("telling a peer that the server has failed");
    abort("the server failed");
  }
}

void Connection::drain(std::chrono::milliseconds come_back_after) {
  if (!dead_) service_->on_drain(come_back_after);
}

void Connection::apply_limits() {
  if (!dead_) client_.apply_limits(peer() != nullptr && peer()->is_open());
}

bool Connection::has_left() const {
  const Peer* peer = service_->peer();
  return peer != nullptr && !peer->is_open() && !peer->subscriptions().empty();
}

}  // namespace wskit::server
