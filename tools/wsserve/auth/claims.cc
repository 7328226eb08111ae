#include "wsserve/auth/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/protocol/utf8.h"
#include "wsserve/auth/token.h"

namespace wskit::server::auth {
namespace {

using protocol::Error;
using protocol::Pattern;

// The year 2261: what the system's clock counts to.
constexpr std::chrono::seconds kLast{9'200'000'000};

Error bad_claim(std::string_view claim, std::string_view wanted) {
  return token_error("claims", fmt::format("the token's {} must be {}", claim, wanted));
}

protocol::Result<std::string> user_of(const ClaimSet& claims) {
  const std::string_view subject = claims.find("sub").value_or("");
  // Not what RFC 7519 asks for, but what number-minded issuers send.
  if (auto number = integer_of(subject)) return std::move(*number);
  auto user = text_of(subject);
  if (!user || user->empty() || user->size() > kMaxUserBytes || !protocol::is_plain(*user)) {
    return bad_claim(
        "sub", fmt::format("the user: a text of 1 to {} bytes without control characters", kMaxUserBytes));
  }
  return std::move(*user);
}

// One text or a list of them. Nothing: the claim is absent. A null is not, so that it
// never stands for what others are granted.
protocol::Result<std::optional<std::vector<Pattern>>> patterns_of(const ClaimSet& claims, const char* claim) {
  const auto found = claims.find(claim);
  if (!found) return std::optional<std::vector<Pattern>>();
  const auto texts = texts_of(*found);
  std::vector<Pattern> patterns;
  for (const std::string& text : texts.value_or(std::vector<std::string>())) {
    auto pattern = Pattern::parse(text);
    if (pattern) patterns.push_back(std::move(*pattern));
  }
  if (!texts || patterns.size() != texts->size()) return bad_claim(claim, "a list of channels and patterns");
  return std::optional(std::move(patterns));
}

protocol::Result<Grants> grants_of(const ClaimSet& claims, const Grants& defaults) {
  Grants grants = defaults;
  auto subscribe = patterns_of(claims, "subscribe");
  if (!subscribe) return subscribe.error();
  if (*subscribe) grants.subscribe = std::move(**subscribe);
  auto publish = patterns_of(claims, "publish");
  if (!publish) return publish.error();
  if (*publish) grants.publish = std::move(**publish);
  const auto channels = patterns_of(claims, "channels");
  if (!channels) return channels.error();
  if (*channels) {
    grants.channels.clear();
    for (const Pattern& channel : **channels) {
      grants.channels.push_back(channel.text());
      // Whoever is to be subscribed may.
      grants.subscribe.push_back(channel);
    }
  }
  if (const auto found = claims.find("admin")) {
    const auto admin = boolean_of(*found);
    if (!admin) return bad_claim("admin", "true or false");
    grants.admin = *admin;
  }
  return grants;
}

}  // namespace

protocol::Result<Identity> to_identity(const ClaimSet& claims, const Grants& defaults,
                                       std::chrono::milliseconds leeway) {
  Identity identity;
  auto user = user_of(claims);
  if (!user) return user.error();
  identity.user = std::move(*user);
  auto grants = grants_of(claims, defaults);
  if (!grants) return grants.error();
  identity.grants = std::move(*grants);
  // verify() has refused an `exp` that is no number.
  if (const auto expires = number_of(claims.find("exp").value_or(""))) {
    const double seconds = std::clamp(*expires, 0.0, static_cast<double>(kLast.count()));
    const std::chrono::milliseconds end(std::llround(seconds * 1000));
    identity.expires = SystemMillis(std::min<std::chrono::milliseconds>(end + leeway, kLast));
  }
  return identity;
}

}  // namespace wskit::server::auth
