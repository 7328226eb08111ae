#include "wsserve/auth/gate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "token_forge.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/auth/public_key.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using Purpose = Gate::Purpose;

const std::string kSecret(48, 's');
const std::chrono::system_clock::time_point kNow{std::chrono::seconds{1'800'000'000}};

Policy policy(bool serves_anonymous = false) {
  Policy made;
  made.tokens.keys = {to_key(kSecret, "").value()};
  made.serves_anonymous = serves_anonymous;
  made.anonymous = {};
  made.anonymous.subscribe = {protocol::Pattern::parse("public/*").value()};
  return made;
}

std::string token(const json& claims) { return sign(claims, JWT_ALG_HS256, kSecret); }

TEST(GateTest, WithoutKeysEverybodyIsAnonymousAndMayDoEverything) {
  const Gate gate;
  for (const auto& shown : {std::optional<std::string>(), std::optional<std::string>("whatever")}) {
    const auto identity = gate.admit(shown, Purpose::kRequest, kNow).value();
    EXPECT_TRUE(identity->anonymous());
    EXPECT_TRUE(may_subscribe(*identity, "**"));
    EXPECT_TRUE(may_publish(*identity, "a"));
    EXPECT_TRUE(identity->grants.admin);
  }
  EXPECT_FALSE(gate.check(token({{"sub", "ann"}}), kNow)) << "which it cannot";
}

TEST(GateTest, WithKeysARequestNeedsATokenAndAWebSocketCanBringItLater) {
  const Gate gate(policy());
  EXPECT_FALSE(gate.admit({}, Purpose::kRequest, kNow));
  const auto waiting = gate.admit({}, Purpose::kSocket, kNow).value();
  EXPECT_TRUE(waiting->awaits_token);
  EXPECT_EQ(gate.admit(token({{"sub", "ann"}}), Purpose::kRequest, kNow).value()->user, "ann");
}

TEST(GateTest, ATokenThatIsNotRightIsNotTakenForNone) {
  const Gate gate(policy(true));
  EXPECT_TRUE(gate.admit({}, Purpose::kRequest, kNow).value()->anonymous());
  for (const char* bad : {"", "x", "a.b.c"}) {
    EXPECT_FALSE(gate.admit(bad, Purpose::kRequest, kNow)) << bad;
    EXPECT_FALSE(gate.admit(bad, Purpose::kSocket, kNow)) << bad;
  }
}

TEST(GateTest, TheAnonymousHaveTheirOwnRole) {
  const Gate gate(policy(true));
  const auto anonymous = gate.admit({}, Purpose::kSocket, kNow).value();
  EXPECT_TRUE(may_subscribe(*anonymous, "public/news"));
  EXPECT_FALSE(may_subscribe(*anonymous, "orders/1"));
  EXPECT_FALSE(may_publish(*anonymous, "public/news"));
  EXPECT_FALSE(anonymous->grants.admin);
}

// --- Nobody reaches what is another user's -----------------------------------

class Segments {
 public:
  explicit Segments(unsigned seed) : random_(seed) {}
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string segment() { return std::string(1, static_cast<char>('a' + below(3))); }
  std::string name() {
    std::string text = segment();
    for (unsigned i = below(3); i > 0; --i) text += "/" + segment();
    return text;
  }
  std::string pattern() {
    std::string text = below(3) == 0 ? "*" : segment();
    for (unsigned i = below(3); i > 0; --i) text += "/" + (below(3) == 0 ? "*" : segment());
    if (below(4) == 0) text += "/**";
    return below(10) == 0 ? "**" : text;
  }

 private:
  std::mt19937 random_;
};

TEST(GateTest, NoSubscriptionEverBringsAnEventThatItsUserMayNotRead) {
  const Gate gate(policy());
  Segments random(7);
  const std::vector<std::string> own{"@user/ann", "@user/bob", "@user/*", "@user/**", "@connection/1"};
  std::size_t granted = 0;
  for (int round = 0; round < 3'000; ++round) {
    json grants = json::array();
    for (unsigned i = random.below(4); i > 0; --i) grants.push_back(random.pattern());
    if (random.below(4) == 0) grants.push_back(own[random.below(5)]);
    const auto ann = gate.check(token({{"sub", "ann"}, {"subscribe", grants}}), kNow).value();
    const std::string wanted = random.below(8) == 0 ? own[random.below(5)] : random.pattern();
    if (!may_subscribe(*ann, wanted)) continue;
    ++granted;
    const auto subscribed = protocol::Pattern::parse(wanted).value();
    for (int event = 0; event < 20; ++event) {
      const std::string channel = random.below(6) == 0 ? "@user/bob" : random.name();
      if (!subscribed.matches(channel)) continue;
      EXPECT_TRUE(may_subscribe(*ann, channel))
          << wanted << " brings " << channel << ", granted is " << grants;
      EXPECT_NE(channel, "@user/bob") << wanted;
    }
  }
  EXPECT_GT(granted, 300U) << "or the test shows nothing";
}

// --- What a request carries --------------------------------------------------

}  // namespace
}  // namespace wskit::server::auth
