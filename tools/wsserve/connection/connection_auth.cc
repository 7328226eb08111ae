// What a connection does about the tokens of its client.
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"

namespace wskit::server {

using protocol::CloseCode;

bool Connection::take_identity(auth::IdentityPtr identity, std::optional<FirstSubscriptions>& first) {
  first = client_.sign_in(std::move(identity));
  if (const auto reason = client_.enter_as_user()) {
    host_.counters.refused.add();
    close(CloseCode::kTryAgainLater, *reason);
    return false;
  }
  schedule_beat();
  return true;
}

void Connection::count_refused_token() {
  if (!client_.count_refused_token()) return;
  host_.counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, "too many tokens that are not right");
}

bool Connection::close_if_unauthorized() {
  const auto why = client_.why_unauthorized();
  if (!why) return false;
  host_.counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, *why);
  return true;
}

}  // namespace wskit::server
