// A connection behind TLS: how it begins, what it reads, and who speaks the wrong one.
#include <cerrno>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/log/server_log.h"
#include "wsserve/transport/first_bytes.h"

namespace wskit::server {

void Connection::read_tls() {
  const std::span<char> buffer = host_.receive_buffer;
  const bool was_established = transport_.tls() != nullptr && transport_.tls()->established();
  const ssize_t count = awaits_tls_ ? begin_tls(buffer) : transport_.receive(buffer);
  const int error = errno;
  if (transport_.tls() == nullptr) {
    if (count == 0 || (count < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR)) abort();
    return;
  }
  if (!was_established && transport_.tls()->established()) host_.counters.tls_handshakes.add();
  if (count > 0) take(buffer.first(static_cast<std::size_t>(count)));
  if (phase_ == Phase::kDead) return;
  if (transport_.tls()->failed()) return fail_tls();
  if (count == 0 && !transport_.tls()->established()) {
    host_.counters.tls_failures.add();
    logs::trouble(host_, client_, Trouble::kTls, "the client left in the middle");
    return abort();
  }
  if (count == 0 || transport_.over()) return take_end();
  if (count < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR) return abort();
  if (transport_.drained() || blocked_) return;
  blocked_ = true;
  watch();
}

// The connection's first bytes say whether this is TLS at all. Until then it costs
// no more than a plain one. As recv(2); without TLS afterwards there is nothing to take.
ssize_t Connection::begin_tls(std::span<char> buffer) {
  const ssize_t count = transport_.receive(buffer);
  if (count <= 0) return count;
  awaits_tls_ = false;
  const auto size = static_cast<std::size_t>(count);
  if (begins_http({buffer.data(), size})) {
    refuse_plain_http();
    return count;
  }
  transport_.start_tls(*host_.settings->tls);
  return transport_.receive(buffer, size);
}

// Where the handshake failed, the alert that says why must not be overtaken by the
// reset that the kernel sends if a socket is closed with bytes unread.
void Connection::fail_tls() {
  host_.counters.tls_failures.add();
  logs::trouble(host_, client_, Trouble::kTls, "the two sides did not agree, or what came was broken");
  if (phase_ != Phase::kHttp || outbound_ != nullptr) return abort();
  transport_.give_up_tls();
  finish_when_written_ = true;
  shut_ = transport_.shut();
  blocked_ = false;
  watch();
  host_.wheel.schedule(*this, host_.now + host_.settings->close_timeout);
}

void Connection::refuse_plain_http() {
  host_.counters.tls_failures.add();
  logs::trouble(host_, client_, Trouble::kTls, "plain HTTP came to a port that speaks TLS");
  refuse_http({.status = 400,
               .code = "BAD_REQUEST",
               .message = "this port speaks TLS: use https:// or wss://",
               .headers = {}});
}

// In plain HTTP: what a TLS client makes of that ("wrong version number") is known to
// mean that there is no TLS, which no alert of TLS says.
void Connection::refuse_tls_hello() {
  host_.counters.tls_failures.add();
  logs::trouble(host_, client_, Trouble::kTls, "TLS came to a port that does not speak it");
  refuse_http({.status = 400,
               .code = "BAD_REQUEST",
               .message = "this port does not speak TLS: use http:// or ws://",
               .headers = {}});
}

}  // namespace wskit::server
