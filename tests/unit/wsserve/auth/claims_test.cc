#include "wsserve/auth/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using protocol::Pattern;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Pattern>& patterns) {
  std::vector<std::string> all;
  for (const Pattern& pattern : patterns) all.push_back(pattern.text());
  return all;
}

Grants defaults() {
  Grants grants;
  grants.subscribe = {Pattern::parse("public/**").value()};
  grants.channels = {"public/news"};
  return grants;
}

ClaimSet set_of(const json& claims) { return ClaimSet::read(claims.dump()).value(); }

Identity identity(const json& claims) { return to_identity(set_of(claims), defaults(), {}).value(); }

std::string refusal(const json& claims) {
  const auto identity = to_identity(set_of(claims), defaults(), {});
  return identity ? "taken" : identity.error().message;
}

TEST(ClaimsTest, SayWhoSomebodyIsAndWhatTheyMayDo) {
  const Identity ann = identity({{"sub", "ann"},
                                 {"subscribe", {"orders/ann/**", "market/*"}},
                                 {"publish", {"orders/ann/*"}},
                                 {"channels", {"orders/ann/fills"}},
                                 {"admin", true},
                                 {"exp", 1'900'000'000.5}});
  EXPECT_EQ(ann.user, "ann");
  EXPECT_THAT(texts(ann.grants.subscribe), ElementsAre("orders/ann/**", "market/*", "orders/ann/fills"));
  EXPECT_THAT(texts(ann.grants.publish), ElementsAre("orders/ann/*"));
  EXPECT_THAT(ann.grants.channels, ElementsAre("orders/ann/fills"));
  EXPECT_TRUE(ann.grants.admin);
  EXPECT_EQ(ann.expires, SystemMillis(std::chrono::milliseconds(1'900'000'000'500)));
  EXPECT_FALSE(ann.awaits_token);
}

TEST(ClaimsTest, ThatAreAbsentGrantWhatTheServerSays) {
  const Identity ann = identity({{"sub", "ann"}});
  EXPECT_THAT(texts(ann.grants.subscribe), ElementsAre("public/**"));
  EXPECT_THAT(texts(ann.grants.publish), IsEmpty());
  EXPECT_THAT(ann.grants.channels, ElementsAre("public/news"));
  EXPECT_FALSE(ann.grants.admin);
  EXPECT_EQ(ann.expires, std::nullopt);
}

TEST(ClaimsTest, AnEmptyListGrantsNothing) {
  const Identity ann = identity({{"sub", "ann"}, {"subscribe", json::array()}, {"channels", json::array()}});
  EXPECT_THAT(ann.grants.subscribe, IsEmpty());
  EXPECT_THAT(ann.grants.channels, IsEmpty());
}

TEST(ClaimsTest, OnePatternNeedsNoList) {
  EXPECT_THAT(texts(identity({{"sub", "ann"}, {"publish", "a/*"}}).grants.publish), ElementsAre("a/*"));
}

TEST(ClaimsTest, NeedAUser) {
  for (const json& subject :
       {json(), json(""), json(true), json(1.5), json::array({"ann"}), json(std::string(201, 'x')),
        json("a\nb"), json(std::string("a\0b", 3)), json("\x7f"),
        // R10: what would change the line in which an operator reads it.
        json("a\u009b2J"), json("a\u0085"), json("ann\u202e"), json("\u2066ann"), json("ann\u200f"),
        json("a\u2028b")}) {
    EXPECT_THAT(refusal({{"sub", subject}}), HasSubstr("the token's sub must be")) << subject;
  }
  EXPECT_THAT(refusal(json::object()), HasSubstr("the token's sub must be"));
  EXPECT_EQ(identity({{"sub", 42}}).user, "42") << "some issuers number their users";
  EXPECT_EQ(identity({{"sub", "*"}}).user, "*");
}

TEST(ClaimsTest, ThatAreNotWhatTheyShouldBeAreNotTaken) {
  for (const char* claim : {"subscribe", "publish", "channels"}) {
    for (const json& value : {json(7), json(true), json::object(), json::array({7}), json::array({"a", ""}),
                              json::array({"a**"}), json("a b"), json::array({"a/*", "**/b"})}) {
      EXPECT_THAT(refusal({{"sub", "ann"}, {claim, value}}), HasSubstr(std::string("the token's ") + claim))
          << claim << " = " << value;
    }
  }
  EXPECT_THAT(refusal({{"sub", "ann"}, {"admin", "true"}}), HasSubstr("the token's admin"));
  EXPECT_THAT(refusal({{"sub", "ann"}, {"admin", 1}}), HasSubstr("the token's admin"));
}

// F2
TEST(ClaimsTest, NullIsNoWayToSayNothing) {
  for (const char* claim : {"sub", "subscribe", "publish", "channels", "admin"}) {
    json claims{{"sub", "guest"}};
    claims[claim] = nullptr;
    const auto identity = to_identity(set_of(claims), defaults(), {});
    ASSERT_FALSE(identity) << claim << " is null, and the defaults were granted";
    EXPECT_EQ(json::parse(identity.error().details)["reason"], "claims");
    EXPECT_THAT(identity.error().message, HasSubstr(std::string("the token's ") + claim));
  }
}

TEST(ClaimsTest, TheLeewayIsPartOfTheTime) {
  const auto ann = to_identity(set_of({{"sub", "ann"}, {"exp", 100}}), {}, std::chrono::seconds{5});
  EXPECT_EQ(ann->expires, SystemMillis(std::chrono::seconds{105}));
}

TEST(ClaimsTest, ATimeBeyondAllTimesIsStillOne) {
  for (const double seconds : {9e9, 1.92e10, 1e18, 1e300}) {
    const Identity ann =
        to_identity(set_of({{"sub", "ann"}, {"exp", seconds}}), {}, std::chrono::hours{24 * 365}).value();
    EXPECT_GT(*ann.expires, std::chrono::system_clock::now()) << seconds;
  }
}

std::optional<std::string> found(const std::string& text, std::string_view name) {
  const auto set = ClaimSet::read(text);
  if (!set) return "no object";
  const auto value = set->find(name);
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

TEST(ClaimSetTest, HasTheTextsOfTheClaimsThatAreRead) {
  EXPECT_EQ(found(R"( {"sub" : "ann" , "exp":1e9,"more":[1]} )", "sub"), R"("ann")");
  EXPECT_EQ(found(R"({"exp":1e9})", "exp"), "1e9");
  EXPECT_EQ(found(R"({"more":[1]})", "more"), std::nullopt) << "nobody reads it";
  EXPECT_EQ(found(R"({"\u0073ub":1,"sub":2})", "sub"), "2") << "the last one";
  for (const char* none : {"", "[]", R"("sub")", "{", R"({"sub":1)", R"({"sub":01})", R"({"sub":1}x)"}) {
    EXPECT_EQ(found(none, "sub"), "no object") << none;
  }
}

TEST(ClaimSetTest, SaysOfEachValueWhatItIsAndNothingElse) {
  EXPECT_EQ(text_of(R"("a\u0062")"), "ab");
  EXPECT_EQ(text_of(R"("\ud800")"), std::nullopt) << "half a character";
  EXPECT_EQ(text_of("1"), std::nullopt);
  EXPECT_EQ(number_of("-1.5e3"), -1500);
  EXPECT_EQ(number_of("1e999"), std::nullopt);
  EXPECT_EQ(number_of(R"("1")"), std::nullopt);
  EXPECT_EQ(integer_of("18446744073709551615"), "18446744073709551615");
  for (const char* no_integer : {"1.0", "1e2", "18446744073709551616", "true", ""}) {
    EXPECT_EQ(integer_of(no_integer), std::nullopt) << no_integer;
  }
  EXPECT_EQ(boolean_of("true"), true);
  EXPECT_EQ(boolean_of("null"), std::nullopt);
  EXPECT_THAT(texts_of(R"(["a", "b"])").value(), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(R"("a")").value(), ElementsAre("a"));
  EXPECT_THAT(texts_of("[]").value(), IsEmpty());
  for (const char* no_texts : {"[1]", R"(["a",["b"]])", "{}", "null", "7"}) {
    EXPECT_EQ(texts_of(no_texts), std::nullopt) << no_texts;
  }
}

}  // namespace
}  // namespace wskit::server::auth
