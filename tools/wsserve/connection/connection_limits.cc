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

Counter& counter_of(ShardCounters& counters, TurnedAway::Why why) {
  switch (why) {
    case TurnedAway::Why::kAddress:
      return counters.refused_address;
    case TurnedAway::Why::kUser:
      return counters.refused_user;
    case TurnedAway::Why::kRate:
    case TurnedAway::Why::kAddressRate:
      break;
  }
  return counters.refused_rate;
}

}  // namespace

Standing& Connection::standing() {
  if (standing_ == nullptr) standing_ = std::make_shared<Standing>();
  return *standing_;
}

// --- Whose connection it is --------------------------------------------------

bool Connection::awaits_proxy_header() const { return standing_ != nullptr && standing_->header != nullptr; }

// Takes off the socket what belongs to the header and no byte more: what follows
// may be TLS, which reads for itself.
void Connection::read_proxy_header() {
  std::span<char> buffer = host_.receive_buffer;
  buffer = buffer.first(std::min(buffer.size(), ProxyHeader::kMaxBytes));
  const ssize_t count = ::recv(transport_.fd(), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count <= 0) return abort();
  const auto [status, used] = standing_->header->feed({buffer.data(), static_cast<std::size_t>(count)});
  (void)::recv(transport_.fd(), buffer.data(), used, MSG_DONTWAIT);
  host_.counters.bytes_in.add(used);
  if (status == ProxyHeader::Status::kNeedMore) return;
  if (status == ProxyHeader::Status::kBad) {
    host_.counters.bad_proxy_headers.add();
    logs::trouble(host_, *this, Trouble::kProxyHeader, "it is no PROXY header of version 1 or 2");
    return abort();
  }
  const auto client = standing_->header->client();
  standing_->header.reset();
  if (!client) return;
  peer_ = *client;
  if (host_.server.admission().introduce(host_.settings->limits, *standing_, peer_, host_.now)) return;
  host_.counters.dropped_connections.add();
  logs::trouble(host_, *this, Trouble::kConnectionLimit, "dropped without a word");
  abort();
}

// --- Requests ----------------------------------------------------------------

void Connection::meet_sender(const http::Request& request) {
  identity_ = auth::nobody();
  if (standing_ == nullptr || !standing_->proxy) return;
  const LimitSettings& limits = host_.settings->limits;
  peer_ = forwarded_client(request.header(header_name(limits.forwarded_header)), limits.forwarded_header,
                           limits.proxies)
              .value_or(*standing_->proxy);
}

bool Connection::turn_away(const http::Request& request, http::Opens opens) {
  const LimitSettings& limits = host_.settings->limits;
  const bool head = request.method == "HEAD";
  if (standing_ != nullptr && standing_->turned_away) {
    if (opens != http::Opens::kNothing) return false;
    const TurnedAway& why = *standing_->turned_away;
    counter_of(host_.counters, why.why).add();
    send_http(http::error_response(too_many(why.reason(), why.retry_after)), false, head);
    return true;
  }
  // A browser would never ask for a stream again that was answered with 429.
  if (is_proxy_itself() || opens == http::Opens::kStream) return false;
  const auto wait = host_.server.admission().request(limits, peer_, host_.now);
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
  const bool waits = answered_ && outbound_ == nullptr && !http_->mid_request();
  const auto until = last_heard_ + host_.settings->idle_timeout;
  if (waits && !finish_when_written_ && host_.now < until) return host_.wheel.schedule(*this, until);
  if (waits) {
    host_.counters.idle_timeouts.add();
  } else if (!finish_when_written_ || outbound_ != nullptr) {
    // Also one that does not take the answer that was to be its last.
    host_.counters.handshake_timeouts.add();
    logs::trouble(host_, *this, Trouble::kHandshake, "--handshake-timeout is over");
  }
  abort();
}

bool Connection::is_proxy_itself() const {
  return standing_ != nullptr && standing_->proxy && peer_ == *standing_->proxy;
}

std::optional<std::string> Connection::take_place() {
  const LimitSettings& limits = host_.settings->limits;
  Admission& admission = host_.server.admission();
  if (standing_ != nullptr && standing_->proxy && !is_proxy_itself()) {
    admission.enter(limits, *standing_, peer_, host_.now);
  }
  if (standing_ == nullptr || !standing_->turned_away) return take_place_of_user();
  counter_of(host_.counters, standing_->turned_away->why).add();
  return standing_->turned_away->reason();
}

std::optional<std::string> Connection::take_place_of_user() {
  const std::size_t most = host_.settings->limits.connections_per_user;
  Admission& admission = host_.server.admission();
  if (most == 0 || admission.become(standing(), identity().user, most, host_.now)) return std::nullopt;
  standing_->turned_away = {TurnedAway::Why::kUser, {}};
  counter_of(host_.counters, standing_->turned_away->why).add();
  return standing_->turned_away->reason();
}

void Connection::take_up_limits() {
  const LimitSettings& limits = host_.settings->limits;
  if (phase_ == Phase::kDead) return;
  Admission& admission = host_.server.admission();
  if (limits.watches_addresses() && !is_proxy_itself() && !awaits_proxy_header()) {
    admission.count(standing(), peer_, host_.now);
  }
  if (limits.connections_per_user > 0 && phase_ == Phase::kOpen) {
    (void)admission.become(standing(), identity().user, 0, host_.now);
  }
}

// --- Commands ----------------------------------------------------------------

const ProducerPtr& Connection::producer(std::string_view name) {
  if (producer_ == nullptr || producer_->name() != name) {
    producer_ = host_.hub.producers().find_or_create(name);
  }
  return producer_;
}

std::optional<protocol::Error> Connection::over_rate(std::size_t events) {
  const LimitSettings& limits = host_.settings->limits;
  if (!limits.watches_traffic()) return std::nullopt;
  Standing& mine = standing();
  if (mine.traffic == nullptr) mine.traffic = std::make_unique<Traffic>();
  Usage* user = nullptr;
  if (limits.watches_users() && !identity().anonymous()) {
    user = &host_.server.admission().usage(mine, identity().user, host_.now);
  }
  // A request without an address comes over a unix socket, whose connection counts.
  const UsagePtr address =
      phase_ == Phase::kHttp ? host_.server.admission().usage(peer_, host_.now) : nullptr;
  auto error = address != nullptr ? take_request(limits, *address, user, events, host_.now)
                                  : mine.traffic->take(limits, user, events, host_.now);
  if (!error) return std::nullopt;
  host_.counters.rate_limited_commands.add();
  host_.counters.rate_limited_events.add(events);
  return error;
}

void Connection::close_if_insisting() {
  if (standing_ == nullptr || standing_->traffic == nullptr) return;
  if (!standing_->traffic->insists(host_.settings->limits)) return;
  host_.counters.closed_rate.add();
  close(CloseCode::kRateLimited, "rate limited: it went on without waiting as it was told; come back slower");
}

}  // namespace wskit::server
