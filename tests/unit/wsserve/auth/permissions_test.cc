#include "wsserve/auth/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace wskit::server::auth {
namespace {

using protocol::ErrorCode;
using ::testing::HasSubstr;

std::vector<protocol::Pattern> patterns(std::initializer_list<const char*> texts) {
  std::vector<protocol::Pattern> parsed;
  for (const char* text : texts) parsed.push_back(protocol::Pattern::parse(text).value());
  return parsed;
}

Identity user(const std::string& name, std::initializer_list<const char*> subscribe,
              std::initializer_list<const char*> publish = {}) {
  Identity identity;
  identity.user = name;
  identity.grants.subscribe = patterns(subscribe);
  identity.grants.publish = patterns(publish);
  return identity;
}

TEST(PermissionsTest, ASubscriptionNeedsOneGrantThatCoversItWholly) {
  const Identity ann = user("ann", {"market/*", "orders/ann/**", "session/42"});
  for (const char* name : {"market/AAPL", "market/*", "orders/ann/1", "orders/ann/*/fills", "session/42"}) {
    EXPECT_TRUE(may_subscribe(ann, name)) << name;
  }
  for (const char* name : {"market", "market/**", "*/AAPL", "**", "orders/*", "orders/bob/1", "session/*"}) {
    EXPECT_FALSE(may_subscribe(ann, name)) << name;
  }
}

TEST(PermissionsTest, PublishingNeedsAGrantOfItsOwn) {
  const Identity ann = user("ann", {"**"}, {"orders/ann/*"});
  EXPECT_TRUE(may_publish(ann, "orders/ann/1"));
  EXPECT_FALSE(may_publish(ann, "market/AAPL"));
  EXPECT_FALSE(may_publish(user("bob", {}, {"**"}), "@all"));
}

TEST(PermissionsTest, NothingIsGrantedToOneWhoMustShowATokenFirst) {
  Identity nobody = user("", {"**"}, {"**"});
  nobody.awaits_token = true;
  nobody.grants.admin = true;
  EXPECT_FALSE(may_subscribe(nobody, "a"));
  EXPECT_FALSE(may_subscribe(nobody, "@all"));
  EXPECT_FALSE(may_publish(nobody, "a"));
  EXPECT_EQ(check_subscribe(nobody, "a")->code, ErrorCode::kUnauthorized);
  EXPECT_EQ(check_read(nobody, "a")->code, ErrorCode::kUnauthorized);
  EXPECT_EQ(check_publish(nobody, "a")->code, ErrorCode::kUnauthorized);
  EXPECT_EQ(check_admin(nobody, "listing connections")->code, ErrorCode::kUnauthorized);
}

TEST(PermissionsTest, AUsersChannelIsOnlyThatUsersWhateverIsGranted) {
  Identity ann = user("ann", {"**", "@user/*", "@user/**", "@user/bob"});
  ann.grants.admin = true;
  EXPECT_TRUE(may_subscribe(ann, "@user/ann"));
  for (const char* name : {"@user/bob", "@user/*", "@user/**", "@user/ann/**", "@user/annie"}) {
    EXPECT_FALSE(may_subscribe(ann, name)) << name;
  }
}

TEST(PermissionsTest, AUserWhoseNameIsNoSegmentOfAChannelHasNoChannel) {
  for (const char* name : {"*", "**", "a b", "a\"b", "", "a//b", "/"}) {
    EXPECT_EQ(user_channel(user(name, {})), "") << name;
    EXPECT_FALSE(may_subscribe(user(name, {}), std::string("@user/") + name)) << name;
  }
  EXPECT_EQ(user_channel(user("auth0|7@example.com", {})), "@user/auth0|7@example.com");
}

TEST(PermissionsTest, TheServersOwnSpaceIsNotPartOfEverything) {
  const Identity ann = user("ann", {"**"});
  EXPECT_TRUE(may_subscribe(ann, "@all"));
  EXPECT_FALSE(may_subscribe(ann, "@server/stats"));
  EXPECT_TRUE(may_subscribe(user("ann", {"@server/*"}), "@server/stats"));
  EXPECT_FALSE(may_subscribe(user("ann", {"@connection/*"}), "@connection/1")) << "not a matter of grants";
  Identity root = user("root", {});
  root.grants.admin = true;
  EXPECT_TRUE(may_subscribe(root, "@server/stats"));
  EXPECT_FALSE(may_publish(root, "@server/stats"));
  const auto error = check_subscribe(ann, "@server/stats");
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->message, HasSubstr("for administrators"));
}

// S5: who asks nobody for tokens can still say that pages may publish to everybody.
TEST(PermissionsTest, TheAnonymousMayPublishInTheServersSpaceWhereThatIsGranted) {
  const Identity granted = user("", {"**"}, {"**", "@all", "@connection/*"});
  EXPECT_TRUE(may_announce(granted));
  EXPECT_TRUE(may_publish(granted, "@all"));
  EXPECT_TRUE(may_publish(granted, "@connection/x"));
  EXPECT_FALSE(may_publish(granted, "@user/ann"));
  EXPECT_FALSE(may_publish(user("", {"**"}, {"@server/*", "@presence/**"}), "@server/stats"));
  Identity near = user("", {"**"}, {"**"});
  near.grants.admin = true;  // without keys, on this machine
  EXPECT_FALSE(may_announce(near));
  EXPECT_FALSE(may_publish(near, "@all"));
  EXPECT_THAT(check_publish(near, "@all")->message,
              HasSubstr("publish = [\"@all\"] in the server's [anonymous]"));
  EXPECT_THAT(check_publish(near, "@server/stats")->message, HasSubstr("only the server itself does"));
}

// S5: a setting without effect is an error.
TEST(PermissionsTest, KnowsWhichGrantsOfTheServersSpaceGrantNothing) {
  const auto publish = [](const char* text) {
    return idle_publish_grant(protocol::Pattern::parse(text).value());
  };
  const auto subscribe = [](const char* text) {
    return idle_subscribe_grant(protocol::Pattern::parse(text).value());
  };
  for (const char* text : {"a", "**", "@all", "@user/*", "@user/ann", "@connection/**"}) {
    EXPECT_EQ(publish(text), "") << text;
  }
  for (const char* text : {"@server/stats", "@presence/a", "@user", "@all/x"}) {
    EXPECT_THAT(publish(text), HasSubstr("only @all, @user/")) << text;
  }
  for (const char* text : {"a", "**", "@server/stats", "@server/*"}) EXPECT_EQ(subscribe(text), "") << text;
  for (const char* text : {"@all", "@user/ann", "@user/*", "@connection/x", "@presence/room"}) {
    EXPECT_NE(subscribe(text), "") << text;
  }
}

TEST(PermissionsTest, PresenceGoesWithTheChannel) {
  const Identity ann = user("ann", {"room/*"});
  EXPECT_TRUE(may_subscribe(ann, "@presence/room/1"));
  EXPECT_TRUE(may_subscribe(ann, "@presence/room/*"));
  EXPECT_FALSE(may_subscribe(ann, "@presence/room/**"));
  EXPECT_FALSE(may_subscribe(ann, "@presence/orders/1"));
  EXPECT_FALSE(may_subscribe(user("ann", {"**"}), "@presence/@user/ann"));
}

TEST(PermissionsTest, ARefusalNamesTheChannel) {
  const Identity ann = user("ann", {});
  for (const auto& error :
       {check_subscribe(ann, "orders/1"), check_read(ann, "orders/1"), check_publish(ann, "orders/1")}) {
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, ErrorCode::kForbidden);
    EXPECT_THAT(error->message, HasSubstr("orders/1"));
    EXPECT_THAT(error->message, HasSubstr("\"ann\""));
    EXPECT_EQ(error->details, R"({"channel":"orders/1"})");
  }
}

TEST(PermissionsTest, AdministrationIsForAdministrators) {
  Identity ann = user("ann", {"**"}, {"**"});
  EXPECT_EQ(check_admin(ann, "listing connections")->code, ErrorCode::kForbidden);
  ann.grants.admin = true;
  EXPECT_EQ(check_admin(ann, "listing connections"), std::nullopt);
}

}  // namespace
}  // namespace wskit::server::auth
