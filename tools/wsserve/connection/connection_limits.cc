// What the limits mean for one connection: whom it counts for, and when it is
// turned away.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "wsserve/channel/hub.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/log/server_log.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

http::HttpError too_many(const std::string& what, std::chrono::nanoseconds wait) {
  const auto seconds =
      std::max<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
  return {.status = 429,
          .code = "RATE_LIMITED",
          .message = what,
          .headers = {{"Retry-After", std::to_string(seconds.count())}}};
}

}  // namespace

// --- Whose connection it is --------------------------------------------------

// Takes off the socket what belongs to the header and no byte more: what follows
// may be TLS, which reads for itself.
void Connection::read_proxy_header() {
  std::span<char> buffer = host_.receive_buffer;
  buffer = buffer.first(std::min(buffer.size(), ProxyHeader::kMaxBytes));
  const ssize_t count =
      ::recv(writer_.transport().fd(), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count <= 0) return abort();
  const auto [status, used] =
      client_.awaited_header()->feed({buffer.data(), static_cast<std::size_t>(count)});
  (void)::recv(writer_.transport().fd(), buffer.data(), used, MSG_DONTWAIT);
  host_.counters.bytes_in.add(used);
  if (status == ProxyHeader::Status::kNeedMore) return;
  if (status == ProxyHeader::Status::kBad) {
    host_.counters.bad_proxy_headers.add();
    logs::trouble(host_, client_, Trouble::kProxyHeader, "it is no PROXY header of version 1 or 2");
    return abort();
  }
  if (client_.accept_header()) return;
  host_.counters.dropped_connections.add();
  logs::trouble(host_, client_, Trouble::kConnectionLimit, "dropped without a word");
  abort();
}

// --- Requests ----------------------------------------------------------------

bool Connection::turn_away(const http::Request& request, http::Opens opens) {
  const LimitSettings& limits = host_.settings->limits;
  const bool head = request.method == "HEAD";
  if (const TurnedAway* why = client_.turned_away()) {
    if (opens != http::Opens::kNothing) return false;
    client_.count_turned_away();
    send_http(http::error_response(too_many(why->reason(), why->retry_after)), false, head);
    return true;
  }
  // A browser would never ask for a stream again that was answered with 429.
  if (opens == http::Opens::kStream) return false;
  const auto wait = client_.request_wait();
  if (wait == std::chrono::nanoseconds::zero()) return false;
  host_.counters.rate_limited_requests.add();
  send_http(http::error_response(
                too_many(fmt::format("an address may send {} requests a second; come back in a moment",
                                     limits.requests_per_address.per_second),
                         wait)),
            request.keep_alive, head);
  return true;
}

void Connection::begin_request() {
  if (!answered_ || http_->mid_request()) return;
  host_.wheel.schedule(*this, host_.now + host_.settings->handshake_timeout);
}

void Connection::end_request_time() {
  // The request is whole, and its time is the server's.
  if (is_suspended()) {
    return host_.wheel.schedule(*this, host_.now + host_.settings->handshake_timeout);
  }
  const bool waits = answered_ && !writer_.has_queue() && !http_->mid_request();
  const auto until = last_heard_ + host_.settings->idle_timeout;
  if (waits && !writer_.is_finishing() && host_.now < until) return host_.wheel.schedule(*this, until);
  if (waits) {
    host_.counters.idle_timeouts.add();
  } else if (!writer_.is_finishing() || writer_.has_queue()) {
    // Also one that does not take the answer that was to be its last.
    host_.counters.handshake_timeouts.add();
    logs::trouble(host_, client_, Trouble::kHandshake, "--handshake-timeout is over");
  }
  abort();
}

void Connection::take_up_limits() {
  if (phase_ != Phase::kDead) client_.take_up_limits(phase_ == Phase::kOpen);
}

void Connection::close_if_insisting() {
  if (!client_.insists()) return;
  host_.counters.closed_rate.add();
  close(CloseCode::kRateLimited, "rate limited: it went on without waiting as it was told; come back slower");
}

}  // namespace wskit::server
