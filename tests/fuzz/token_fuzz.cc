// Tokens from strangers: the input as a token, and its two lines as the header and
// the payload of one that is signed with the server's secret, so that what comes
// behind the signature is reached too.
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/protocol/json_text.h"
#include "wsserve/auth/gate.h"
#include "wsserve/auth/openssl.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/auth/public_key.h"

namespace {

using namespace wskit::server::auth;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;
using wskit::protocol::JsonScanner;

const std::string kSecret(32, 's');
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds{1'800'000'000}};

const Gate& gate() {
  static const Gate one = [] {
    Policy policy;
    policy.tokens.keys = {to_key(kSecret, "").value()};
    policy.serves_anonymous = false;
    return Gate(policy);
  }();
  return one;
}

std::string base64url(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 4, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string sign(std::string_view header, std::string_view payload) {
  const std::string signed_part = base64url(header) + "." + base64url(payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(), digest.data(),
       &length);
  return signed_part + "." + base64url({reinterpret_cast<const char*>(digest.data()), length});
}

void check(std::string_view token, bool by_the_key) {
  const auto identity = gate().check(token, kNow);
  claim(ERR_peek_error() == 0, "no error is left in the thread's queue");
  if (!identity) {
    claim(identity.error().code == wskit::protocol::ErrorCode::kUnauthorized, "a bad token is UNAUTHORIZED");
    const std::string details = identity.error().details;
    JsonScanner scanner(details);
    (void)scanner.value();
    claim(scanner.finish(), "the details are JSON");
    return;
  }
  claim(by_the_key, "nothing is taken that the key did not sign");
  const Identity& user = **identity;
  claim(!user.anonymous() && !user.awaits_token, "whoever has a token is somebody");
  claim(!user.expires || *user.expires > kNow, "and it has not run out");
  for (const char* other : {"@user/other", "@user/*", "@user/**", "@connection/1"}) {
    claim(user_channel(user) == other || !may_subscribe(user, other),
          "another user's channel is another user's");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  check(text, false);
  const std::size_t line = text.find('\n');
  if (line != std::string_view::npos) check(sign(text.substr(0, line), text.substr(line + 1)), true);
  return 0;
}
