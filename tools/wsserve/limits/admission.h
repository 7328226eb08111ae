// Who may come in: counts the connections of each address and user, and how fast
// new ones come.
//
// A connection over a limit is told so: the upgrade is accepted and closed with
// 1013, which every client can read, and any other request is answered with 429. Of
// those that wait to be told there may be as many as the limit; what comes beyond
// them is closed at once, so that a flood holds no more than twice what is allowed.
//
// Threads: any.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "wsserve/limits/limit_settings.h"
#include "wsserve/limits/peer_address.h"
#include "wsserve/limits/proxy_header.h"
#include "wsserve/limits/traffic.h"
#include "wsserve/limits/usage_table.h"

namespace wskit::server {

struct Rejection {
  enum class Why : std::uint8_t { kAddress, kUser, kRate, kAddressRate };

  Why why;
  std::chrono::nanoseconds retry_after;

  [[nodiscard]] std::string reason() const;  // of a close frame
};

// What the limits know of one connection; there is none where nothing is limited.
struct AdmissionState {
  PlacePtr address;        // among the connections of its address, or those that are turned away
  PlacePtr place_of_user;  // of a WebSocket whose user is known
  UsagePtr usage_of_user;
  std::string user;  // whose these are
  std::optional<Rejection> rejection;
  // The socket's other end, where that is a trusted proxy: the clients are behind it.
  std::optional<PeerAddress> proxy;
  std::unique_ptr<ProxyHeader> header;  // until it is read
  std::unique_ptr<Traffic> traffic;     // null: nothing limited was sent
};
using AdmissionStatePtr = std::shared_ptr<AdmissionState>;

class Admission {
 public:
  struct Arrival {
    bool dropped = false;               // to be closed without a word
    AdmissionStatePtr admission_state;  // may be null
  };

  // A socket was accepted.
  [[nodiscard]] Arrival arrive(const LimitSettings& limits, const PeerAddress& peer, Clock::time_point now);

  // The socket's proxy has said who its client is. False: to be closed without a word.
  [[nodiscard]] bool introduce(const LimitSettings& limits, AdmissionState& admission_state,
                               const PeerAddress& client, Clock::time_point now);

  // A request of `client`, whom a proxy's header names, opens something lasting.
  void enter(const LimitSettings& limits, AdmissionState& admission_state, const PeerAddress& client,
             Clock::time_point now);

  // How long a request from that address has to wait; zero: not at all.
  [[nodiscard]] std::chrono::nanoseconds request(const LimitSettings& limits, const PeerAddress& client,
                                                 Clock::time_point now);

  // What is taken by that address; null: it has none.
  [[nodiscard]] UsagePtr usage(const PeerAddress& client, Clock::time_point now);

  // A WebSocket becomes `user`'s, which is empty for an anonymous one; not if there
  // are `most` already; 0: in any case.
  [[nodiscard]] bool become(AdmissionState& admission_state, const std::string& user, std::size_t most,
                            Clock::time_point now);

  // What `user` takes, which is not empty.
  [[nodiscard]] Usage& usage(AdmissionState& admission_state, const std::string& user, Clock::time_point now);

  // Counts a connection that was there before anybody counted, over the limit too.
  void count(AdmissionState& admission_state, const PeerAddress& client, Clock::time_point now);

  // Forgets who has gone. To be called now and then.
  void sweep(Clock::time_point now);

  [[nodiscard]] std::size_t addresses() const { return addresses_.size(); }
  [[nodiscard]] std::size_t users() const { return users_.size(); }

 private:
  bool take_place(const LimitSettings& limits, AdmissionState& admission_state, const PeerAddress& client,
                  Clock::time_point now);

  SharedTokenBucket new_connections_;
  SharedTokenBucket turned_away_;  // those that are told so
  UsageTable addresses_;
  UsageTable users_;
};

}  // namespace wskit::server
