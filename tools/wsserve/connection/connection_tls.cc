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
  const bool was_established =
      writer_.transport().tls() != nullptr && writer_.transport().tls()->established();
  const ssize_t count = awaits_tls_ ? begin_tls(buffer) : writer_.transport().receive(buffer);
  const int error = errno;
  if (writer_.transport().tls() == nullptr) {
    if (count == 0 || (count < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR)) abort();
    return;
  }
  if (!was_established && writer_.transport().tls()->established()) host_.counters.tls_handshakes.add();
  if (count > 0) take(buffer.first(static_cast<std::size_t>(count)));
  if (phase_ == Phase::kDead) return;
  if (writer_.transport().tls()->failed()) return fail_tls();
  if (count == 0 && !writer_.transport().tls()->established()) {
    host_.counters.tls_failures.add();
    logs::trouble(host_, client_, Trouble::kTls, "the client left in the middle");
    return abort();
  }
  if (count == 0 || writer_.transport().over()) return take_end();
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
    refuse_plain_http();
    return count;
  }
  writer_.transport().start_tls(*host_.settings->tls);
  return writer_.transport().receive(buffer, size);
}

// Where the handshake failed, the alert that says why must not be overtaken by the
// reset that the kernel sends if a socket is closed with bytes unread.
void Connection::fail_tls() {
  host_.counters.tls_failures.add();
  logs::trouble(host_, client_, Trouble::kTls, "the two sides did not agree, or what came was broken");
  if (phase_ != Phase::kHttp || writer_.has_queue()) return abort();
  writer_.give_up_tls();
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
