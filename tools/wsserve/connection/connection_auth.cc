// Whose connection it is, and until when.
#include <algorithm>

#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/request_token.h"

namespace wskit::server {

using protocol::CloseCode;

namespace {

// Each one costs the check of a signature; whoever has none that is right learns
// so from the first.
constexpr std::uint8_t kMaxRefusedTokens = 5;

}  // namespace

protocol::Result<void> Connection::identify(http::Request& request, auth::Gate::Purpose purpose) {
  const auto token = http::take_token(request);
  auto admitted = host_.settings->gate->admit(token, purpose, std::chrono::system_clock::now());
  identity_ = admitted ? *admitted : auth::nobody();
  if (!admitted && token && ++refused_tokens_ >= kMaxRefusedTokens) request.keep_alive = false;
  return admitted ? protocol::Result<void>() : admitted.error();
}

void Connection::await_token(FirstSubscriptions first) {
  sign_in_ = std::make_unique<SignIn>(
      SignIn{.until = host_.now + host_.settings->auth_timeout, .first = std::move(first)});
}

bool Connection::take_identity(auth::IdentityPtr identity, std::optional<FirstSubscriptions>& first) {
  identity_ = std::move(identity);
  take_seat();
  if (sign_in_ != nullptr) first = std::move(sign_in_->first);
  sign_in_.reset();
  if (const auto reason = take_place_of_user()) {
    host_.counters.refused.add();
    close(CloseCode::kTryAgainLater, *reason);
    return false;
  }
  schedule_beat();
  return true;
}

void Connection::count_refused_token() {
  if (++refused_tokens_ < kMaxRefusedTokens) return;
  host_.counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, "too many tokens that are not right");
}

bool Connection::close_if_unauthorized() {
  const bool expired = identity_->expires && std::chrono::system_clock::now() >= *identity_->expires;
  const bool unknown = sign_in_ != nullptr && host_.now >= sign_in_->until;
  if (!expired && !unknown) return false;
  host_.counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, expired ? "the token has expired; come back with a fresh one"
                                          : "no token came in time; send it with the address or at once");
  return true;
}

Clock::time_point Connection::authorized_until() const {
  if (sign_in_ != nullptr) return sign_in_->until;
  if (!identity_->expires) return Clock::time_point::max();
  // By the clock of the wall, which may be set: looked at again when the time has come.
  constexpr std::chrono::milliseconds kLookAgain = std::chrono::hours{1};
  const auto wall = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return host_.now + std::clamp(*identity_->expires - wall, std::chrono::milliseconds{0}, kLookAgain);
}

bool Connection::owns_channel(std::string_view name) const {
  constexpr std::string_view kPrefix = "@connection/";
  return name.starts_with(kPrefix) && name.substr(kPrefix.size()) == id();
}

}  // namespace wskit::server
