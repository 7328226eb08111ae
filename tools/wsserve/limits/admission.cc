#include "wsserve/limits/admission.h"

#include <fmt/format.h>

#include <algorithm>

namespace wskit::server {
namespace {

using std::chrono::nanoseconds;

// Nobody knows when another connection will end.
constexpr std::chrono::seconds kWhenFull{5};

}  // namespace

std::string Rejection::reason() const {
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(retry_after).count();
  switch (why) {
    case Why::kAddress:
      return "too many connections from this address; come back later";
    case Why::kUser:
      return "too many connections of this user; come back later";
    case Why::kRate:
      return fmt::format("too many new connections; reconnect after {} ms", wait);
    case Why::kAddressRate:
      return fmt::format("too many new connections from this address; reconnect after {} ms", wait);
  }
  return {};
}

Admission::Arrival Admission::arrive(const LimitSettings& limits, const PeerAddress& peer,
                                     Clock::time_point now) {
  const bool from_proxy = limits.proxies.trusts(peer);
  if (!from_proxy && !limits.new_connections.is_limited() && !limits.watches_addresses()) return {};
  Arrival arrival{.admission_state = std::make_shared<AdmissionState>()};
  AdmissionState& admission_state = *arrival.admission_state;
  const nanoseconds wait = limits.new_connections.is_limited()
                               ? new_connections_.take(limits.new_connections, now)
                               : nanoseconds::zero();
  if (wait > nanoseconds::zero()) {
    admission_state.rejection = {Rejection::Why::kRate, wait};
    arrival.dropped = turned_away_.take(limits.new_connections, now) > nanoseconds::zero();
  }
  if (from_proxy) {
    admission_state.proxy = peer;
    if (limits.proxy_protocol) admission_state.header = std::make_unique<ProxyHeader>();
  } else if (!arrival.dropped) {
    arrival.dropped = !take_place(limits, admission_state, peer, now);
  }
  return arrival;
}

bool Admission::introduce(const LimitSettings& limits, AdmissionState& admission_state,
                          const PeerAddress& client, Clock::time_point now) {
  admission_state.header.reset();
  admission_state.proxy.reset();
  // A proxy behind a proxy: the clients are behind it.
  if (limits.proxies.trusts(client)) {
    admission_state.proxy = client;
    return true;
  }
  return take_place(limits, admission_state, client, now);
}

void Admission::enter(const LimitSettings& limits, AdmissionState& admission_state, const PeerAddress& client,
                      Clock::time_point now) {
  // It is told in any case, for it is about to be answered.
  (void)take_place(limits, admission_state, client, now);
}

// Of those that are turned away as many as the limit are told so; false: not even
// that.
bool Admission::take_place(const LimitSettings& limits, AdmissionState& admission_state,
                           const PeerAddress& client, Clock::time_point now) {
  if (!client.ip() || !limits.watches_addresses()) return true;
  const UsagePtr usage = addresses_.find(client.ip()->counted_as(), now);
  if (limits.new_connections_per_address.is_limited() && !admission_state.rejection) {
    const nanoseconds wait = usage->new_connections.take(limits.new_connections_per_address, now);
    if (wait > nanoseconds::zero()) admission_state.rejection = {Rejection::Why::kAddressRate, wait};
  }
  const std::size_t most = limits.connections_per_address;
  if (!admission_state.rejection) {
    admission_state.address = Place::take(usage, Place::Kind::kConnection, most);
    if (admission_state.address != nullptr) return true;
    admission_state.rejection = {Rejection::Why::kAddress, kWhenFull};
  }
  constexpr std::size_t kFewest = 16;
  admission_state.address = Place::take(usage, Place::Kind::kTurnedAway, std::max(most, kFewest));
  return admission_state.address != nullptr;
}

nanoseconds Admission::request(const LimitSettings& limits, const PeerAddress& client,
                               Clock::time_point now) {
  if (!client.ip() || !limits.requests_per_address.is_limited()) return nanoseconds::zero();
  return addresses_.find(client.ip()->counted_as(), now)->requests.take(limits.requests_per_address, now);
}

UsagePtr Admission::usage(const PeerAddress& client, Clock::time_point now) {
  return client.ip() ? addresses_.find(client.ip()->counted_as(), now) : nullptr;
}

bool Admission::become(AdmissionState& admission_state, const std::string& user, std::size_t most,
                       Clock::time_point now) {
  if (admission_state.place_of_user != nullptr && admission_state.user == user) return true;
  admission_state.place_of_user.reset();
  if (user.empty()) return true;
  (void)usage(admission_state, user, now);
  admission_state.place_of_user = Place::take(admission_state.usage_of_user, Place::Kind::kConnection, most);
  return admission_state.place_of_user != nullptr;
}

Usage& Admission::usage(AdmissionState& admission_state, const std::string& user, Clock::time_point now) {
  if (admission_state.usage_of_user == nullptr || admission_state.user != user) {
    admission_state.user = user;
    admission_state.usage_of_user = users_.find(user, now);
  }
  return *admission_state.usage_of_user;
}

void Admission::count(AdmissionState& admission_state, const PeerAddress& client, Clock::time_point now) {
  if (admission_state.address != nullptr || !client.ip()) return;
  admission_state.address =
      Place::take(addresses_.find(client.ip()->counted_as(), now), Place::Kind::kConnection, 0);
}

void Admission::sweep(Clock::time_point now) {
  addresses_.sweep(now);
  users_.sweep(now);
}

}  // namespace wskit::server
