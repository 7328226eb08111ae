#include "wsserve/connection/client.h"

#include <algorithm>
#include <utility>

#include "wsserve/channel/hub.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/request_token.h"

namespace wskit::server {
namespace {

// Each one costs the check of a signature; whoever has none that is right learns
// so from the first.
constexpr std::uint8_t kMaxRefusedTokens = 5;

Counter& counter_of(ShardCounters& counters, Rejection::Why why) {
  switch (why) {
    case Rejection::Why::kAddress:
      return counters.refused_address;
    case Rejection::Why::kUser:
      return counters.refused_user;
    case Rejection::Why::kRate:
    case Rejection::Why::kAddressRate:
      break;
  }
  return counters.refused_rate;
}

}  // namespace

Client::Client(Host& host, const PeerAddress& address, std::uint64_t number,
               AdmissionStatePtr admission_state)
    : host_(host), number_(number), address_(address) {
  if (admission_state != nullptr) particulars().admission_state = std::move(admission_state);
}

Client::~Client() = default;

Client::Particulars& Client::particulars() {
  if (particulars_ == nullptr) particulars_ = std::make_unique<Particulars>();
  return *particulars_;
}

AdmissionState& Client::own_admission_state() {
  AdmissionStatePtr& mine = particulars().admission_state;
  if (mine == nullptr) mine = std::make_shared<AdmissionState>();
  return *mine;
}

std::string Client::id() const {
  return host_.server.identity().node + "-" + std::to_string(host_.index) + "-" + std::to_string(number_);
}

bool Client::owns_channel(std::string_view name) const {
  constexpr std::string_view kPrefix = "@connection/";
  return name.starts_with(kPrefix) && name.substr(kPrefix.size()) == id();
}

// --- Its address -------------------------------------------------------------

bool Client::is_behind_proxy() const {
  return admission_state() != nullptr && admission_state()->proxy.has_value();
}

bool Client::is_proxy_itself() const { return is_behind_proxy() && address_ == *admission_state()->proxy; }

ProxyHeader* Client::awaited_header() const {
  return admission_state() == nullptr ? nullptr : admission_state()->header.get();
}

bool Client::accept_header() {
  AdmissionState& mine = own_admission_state();
  const auto client = mine.header->client();
  mine.header.reset();
  if (!client) return true;
  address_ = *client;
  return host_.server.admission().introduce(host_.settings->limits, mine, address_, host_.now);
}

// --- Its user ----------------------------------------------------------------

void Client::meet_sender(const http::Request& request) {
  identity_ = auth::nobody();
  if (!is_behind_proxy()) return;
  const LimitSettings& limits = host_.settings->limits;
  address_ = forwarded_client(request.header(header_name(limits.forwarded_header)), limits.forwarded_header,
                              limits.proxies)
                 .value_or(*admission_state()->proxy);
}

protocol::Result<void> Client::identify(http::Request& request, auth::Gate::Purpose purpose) {
  const auto token = http::take_token(request);
  auto admitted = host_.settings->gate->admit(token, purpose, std::chrono::system_clock::now());
  identity_ = admitted ? *admitted : auth::nobody();
  if (!admitted && token && ++refused_tokens_ >= kMaxRefusedTokens) request.keep_alive = false;
  return admitted ? protocol::Result<void>() : admitted.error();
}

void Client::count_as_user() {
  people::SeatPtr seat = host_.server.people().seat(identity_->user);
  if (seat != nullptr || particulars_ != nullptr) particulars().seat = std::move(seat);
}

void Client::leave() noexcept {
  if (particulars_ != nullptr) particulars_->seat.reset();
}

void Client::await_token(FirstSubscriptions first) {
  particulars().sign_in = std::make_unique<SignIn>(
      SignIn{.until = host_.now + host_.settings->auth_timeout, .first = std::move(first)});
}

std::optional<FirstSubscriptions> Client::sign_in(auth::IdentityPtr identity) {
  identity_ = std::move(identity);
  count_as_user();
  if (awaited_token() == nullptr) return std::nullopt;
  FirstSubscriptions first = std::move(particulars_->sign_in->first);
  particulars_->sign_in.reset();
  return first;
}

bool Client::count_refused_token() { return ++refused_tokens_ >= kMaxRefusedTokens; }

std::optional<std::string_view> Client::why_unauthorized() const {
  if (identity_->expires && std::chrono::system_clock::now() >= *identity_->expires) {
    return "the token has expired; come back with a fresh one";
  }
  if (awaited_token() != nullptr && host_.now >= awaited_token()->until) {
    return "no token came in time; send it with the address or at once";
  }
  return std::nullopt;
}

Clock::time_point Client::authorized_until() const {
  if (awaited_token() != nullptr) return awaited_token()->until;
  if (!identity_->expires) return Clock::time_point::max();
  // By the clock of the wall, which may be set: looked at again when the time has come.
  constexpr std::chrono::milliseconds kLookAgain = std::chrono::hours{1};
  const auto wall = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return host_.now + std::clamp(*identity_->expires - wall, std::chrono::milliseconds{0}, kLookAgain);
}

// --- Its limits --------------------------------------------------------------

const Rejection* Client::rejection() const {
  return admission_state() != nullptr && admission_state()->rejection ? &*admission_state()->rejection
                                                                      : nullptr;
}

void Client::count_rejection() { counter_of(host_.counters, rejection()->why).add(); }

std::chrono::nanoseconds Client::request_wait() const {
  if (is_proxy_itself()) return std::chrono::nanoseconds::zero();
  return host_.server.admission().request(host_.settings->limits, address_, host_.now);
}

std::optional<std::string> Client::enter() {
  if (is_behind_proxy() && !is_proxy_itself()) {
    host_.server.admission().enter(host_.settings->limits, own_admission_state(), address_, host_.now);
  }
  if (rejection() == nullptr) return enter_as_user();
  count_rejection();
  return rejection()->reason();
}

std::optional<std::string> Client::enter_as_user() {
  const std::size_t most = host_.settings->limits.connections_per_user;
  Admission& admission = host_.server.admission();
  if (most == 0 || admission.become(own_admission_state(), identity_->user, most, host_.now))
    return std::nullopt;
  own_admission_state().rejection = {Rejection::Why::kUser, {}};
  count_rejection();
  return rejection()->reason();
}

void Client::apply_limits(bool open) {
  const LimitSettings& limits = host_.settings->limits;
  Admission& admission = host_.server.admission();
  if (limits.watches_addresses() && !is_proxy_itself() && awaited_header() == nullptr) {
    admission.count(own_admission_state(), address_, host_.now);
  }
  if (limits.connections_per_user > 0 && open) {
    (void)admission.become(own_admission_state(), identity_->user, 0, host_.now);
  }
}

Usage* Client::usage_of_user(AdmissionState& mine) {
  if (!host_.settings->limits.watches_users() || identity_->anonymous()) return nullptr;
  return &host_.server.admission().usage(mine, identity_->user, host_.now);
}

std::optional<protocol::Error> Client::refused(std::optional<protocol::Error> error, std::size_t events) {
  if (!error) return std::nullopt;
  host_.counters.rate_limited_commands.add();
  host_.counters.rate_limited_events.add(events);
  return error;
}

std::optional<protocol::Error> Client::over_rate(std::size_t events) {
  const LimitSettings& limits = host_.settings->limits;
  if (!limits.watches_traffic()) return std::nullopt;
  AdmissionState& mine = own_admission_state();
  if (mine.traffic == nullptr) mine.traffic = std::make_unique<Traffic>();
  return refused(mine.traffic->take(limits, usage_of_user(mine), events, host_.now), events);
}

std::optional<protocol::Error> Client::request_over_rate(std::size_t events) {
  const LimitSettings& limits = host_.settings->limits;
  if (!limits.watches_traffic()) return std::nullopt;
  // A request without an address comes over a unix socket, whose connection counts.
  const UsagePtr address = host_.server.admission().usage(address_, host_.now);
  if (address == nullptr) return over_rate(events);
  Usage* user = usage_of_user(own_admission_state());
  return refused(take_request(limits, *address, user, events, host_.now), events);
}

bool Client::insists() const {
  return admission_state() != nullptr && admission_state()->traffic != nullptr &&
         admission_state()->traffic->insists(host_.settings->limits);
}

const ProducerPtr& Client::producer(std::string_view name) {
  ProducerPtr& mine = particulars().producer;
  if (mine == nullptr || mine->name() != name) mine = host_.hub.producers().find_or_create(name);
  return mine;
}

}  // namespace wskit::server
