#include "wsserve/auth/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/protocol/utf8.h"
#include "wsserve/auth/token.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using protocol::Error;
using protocol::Pattern;

// The year 2261: what the system's clock counts to.
constexpr std::chrono::seconds kLast{9'200'000'000};

Error bad_claim(std::string_view claim, std::string_view wanted) {
  return token_error("claims", fmt::format("the token's {} must be {}", claim, wanted));
}

protocol::Result<std::string> user_of(const json& claims) {
  const json subject = claims.value("sub", json());
  // Not what RFC 7519 asks for, but what number-minded issuers send.
  if (subject.is_number_integer()) return subject.dump();
  const std::string* user = subject.get_ptr<const std::string*>();
  if (user == nullptr || user->empty() || user->size() > kMaxUserBytes || !protocol::is_plain(*user)) {
    return bad_claim(
        "sub", fmt::format("the user: a text of 1 to {} bytes without control characters", kMaxUserBytes));
  }
  return *user;
}

// One text or a list of them. Nothing: the claim is absent. A null is not, so that it
// never stands for what others are granted.
protocol::Result<std::optional<std::vector<Pattern>>> patterns_of(const json& claims, const char* claim) {
  const auto found = claims.find(claim);
  if (found == claims.end()) return std::optional<std::vector<Pattern>>();
  const json list = found->is_string() ? json::array({*found}) : *found;
  const Error refusal = bad_claim(claim, "a list of channels and patterns");
  if (!list.is_array()) return refusal;
  std::vector<Pattern> patterns;
  for (const json& item : list) {
    if (!item.is_string()) return refusal;
    auto pattern = Pattern::parse(item.get_ref<const std::string&>());
    if (!pattern) return refusal;
    patterns.push_back(std::move(*pattern));
  }
  return std::optional(std::move(patterns));
}

protocol::Result<Grants> grants_of(const json& claims, const Grants& defaults) {
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
  if (const auto admin = claims.find("admin"); admin != claims.end()) {
    if (!admin->is_boolean()) return bad_claim("admin", "true or false");
    grants.admin = admin->get<bool>();
  }
  return grants;
}

}  // namespace

protocol::Result<Identity> to_identity(const json& claims, const Grants& defaults,
                                       std::chrono::milliseconds leeway) {
  Identity identity;
  auto user = user_of(claims);
  if (!user) return user.error();
  identity.user = std::move(*user);
  auto grants = grants_of(claims, defaults);
  if (!grants) return grants.error();
  identity.grants = std::move(*grants);
  if (const auto expires = claims.find("exp"); expires != claims.end()) {
    const double seconds = std::clamp(expires->get<double>(), 0.0, static_cast<double>(kLast.count()));
    const std::chrono::milliseconds end(std::llround(seconds * 1000));
    identity.expires = SystemMillis(std::min<std::chrono::milliseconds>(end + leeway, kLast));
  }
  return identity;
}

}  // namespace wskit::server::auth
