// Knows who is at the other end of a connection: its number, its address, its user, and what
// the limits have counted for it.
//
// The requests of a connection and its WebSocket refer to the same Client. Threads: one, the
// shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/error.h"
#include "wsserve/auth/gate.h"
#include "wsserve/auth/identity.h"
#include "wsserve/broker/producer.h"
#include "wsserve/connection/sign_in.h"
#include "wsserve/limits/admission.h"
#include "wsserve/limits/peer_address.h"
#include "wsserve/loop/timing_wheel.h"
#include "wsserve/presence/people.h"

namespace wskit::server {

struct Host;
namespace http {
struct Request;
}  // namespace http

class Client {
 public:
  // `address`: of the socket's other end. `admission_state`: null if nothing that is limited concerns it.
  Client(Host& host, const PeerAddress& address, std::uint64_t number, AdmissionStatePtr admission_state);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // --- Its connection

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::string id() const;
  // Whether the channel is `@connection/<its id>`.
  [[nodiscard]] bool owns_channel(std::string_view name) const;

  // --- Its address

  // A trusted proxy names the client in a header of the connection or of the request at hand;
  // without a proxy it is the socket's other end.
  [[nodiscard]] const PeerAddress& address() const { return address_; }
  // The other end is a trusted proxy.
  [[nodiscard]] bool is_behind_proxy() const;
  // The other end is a trusted proxy, and speaks for itself.
  [[nodiscard]] bool is_proxy_itself() const;
  // The connection has to begin with a PROXY header that is not read yet. Null: it has not.
  [[nodiscard]] ProxyHeader* awaited_header() const;
  // REQUIRES: awaited_header() is whole. The client is the one it names from here on. False: it
  // has to be closed without a word.
  [[nodiscard]] bool accept_header();

  // --- Its user

  [[nodiscard]] const auth::Identity& identity() const { return *identity_; }
  [[nodiscard]] std::string_view user() const { return identity_->user; }
  // The request names its sender, who is not identified yet: the requests before it on the
  // connection may have been another one's.
  void meet_sender(const http::Request& request);
  // Finds out whose request it is, or why its token is refused. With too many refused ones it
  // is the connection's last request.
  [[nodiscard]] protocol::Result<void> identify(http::Request& request, auth::Gate::Purpose purpose);
  // Counts the connection as its user's, from here to leave().
  void count_as_user();
  void leave() noexcept;
  // The connection is closed unless it signs in in time; then it subscribes `first`.
  void await_token(FirstSubscriptions first);
  // A token was accepted. Returns the subscriptions that waited for it.
  [[nodiscard]] std::optional<FirstSubscriptions> sign_in(auth::IdentityPtr identity);
  // A token was refused. True: those are too many.
  [[nodiscard]] bool count_refused_token();
  // Why the connection has to end now: its token has expired, or has not come in time.
  [[nodiscard]] std::optional<std::string_view> why_unauthorized() const;
  // The latest moment at which to ask why_unauthorized() again.
  [[nodiscard]] Clock::time_point authorized_until() const;

  // --- Its limits

  // Why its requests are not served. Null: they are.
  [[nodiscard]] const Rejection* rejection() const;
  // It was told so.
  void count_rejection();
  // How long its next request has to wait.
  [[nodiscard]] std::chrono::nanoseconds request_wait() const;
  // The WebSocket or event stream counts from here on; or why it is closed with 1013.
  [[nodiscard]] std::optional<std::string> enter();
  // The same for its user alone, who may be known only now.
  [[nodiscard]] std::optional<std::string> enter_as_user();
  // Counts for limits that the server did not have when it came. `open`: as a WebSocket or an
  // event stream.
  void apply_limits(bool open);
  // Why a command that publishes so many events, or none, is not carried out.
  [[nodiscard]] std::optional<protocol::Error> over_rate(std::size_t events);
  // The same for a request: its address counts, and not its connection.
  [[nodiscard]] std::optional<protocol::Error> request_over_rate(std::size_t events);
  // Behind such an error: whether it goes on without ever waiting as it was told.
  [[nodiscard]] bool insists() const;

  // The producer of that name, kept until another one is asked for.
  [[nodiscard]] const ProducerPtr& producer(std::string_view name);

 private:
  // What few connections have.
  struct Particulars {
    AdmissionStatePtr admission_state;
    std::unique_ptr<SignIn> sign_in;  // null: no token is awaited
    people::SeatPtr seat;
    ProducerPtr producer;
  };

  Particulars& particulars();
  [[nodiscard]] const AdmissionState* admission_state() const {
    return particulars_ == nullptr ? nullptr : particulars_->admission_state.get();
  }
  [[nodiscard]] const SignIn* awaited_token() const {
    return particulars_ == nullptr ? nullptr : particulars_->sign_in.get();
  }
  // Made if there is none.
  AdmissionState& own_admission_state();
  [[nodiscard]] Usage* usage_of_user(AdmissionState& mine);
  [[nodiscard]] std::optional<protocol::Error> refused(std::optional<protocol::Error> error,
                                                       std::size_t events);

  Host& host_;
  const std::uint64_t number_;
  auth::IdentityPtr identity_ = auth::nobody();
  std::unique_ptr<Particulars> particulars_;  // null: none
  PeerAddress address_;
  std::uint8_t refused_tokens_ = 0;
};

}  // namespace wskit::server
