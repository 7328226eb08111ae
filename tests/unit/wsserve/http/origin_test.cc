#include "wsserve/http/origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wskit::server::http {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr Path kLoopback{.loopback = true, .tls = false};
constexpr Path kNetwork{};

OriginList list_of(const std::vector<std::string>& patterns) {
  OriginList list;
  for (const std::string& pattern : patterns) EXPECT_THAT(list.add(pattern), IsEmpty()) << pattern;
  return list;
}

// "" or why not. An empty `origin`: no header.
std::string problem(const std::string& origin, const std::string& host, Path path = kNetwork,
                    const std::vector<std::string>& patterns = {}) {
  Request request;
  if (!host.empty()) request.headers.emplace_back("host", host);
  if (!origin.empty()) request.headers.emplace_back("origin", origin);
  const auto refused = check_origin(request, list_of(patterns), path);
  if (!refused) return "";
  EXPECT_EQ(refused->status, 403U);
  EXPECT_EQ(refused->code, "FORBIDDEN");
  return refused->message;
}

#define EXPECT_ALLOWED(...) EXPECT_EQ(problem(__VA_ARGS__), "")
#define EXPECT_REFUSED(...) EXPECT_THAT(problem(__VA_ARGS__), HasSubstr("may not use this server"))

TEST(OriginTest, ReadsSchemeHostAndPort) {
  EXPECT_EQ(Origin::parse("https://App.Example.com"), (Origin{"https", "app.example.com", 443}));
  EXPECT_EQ(Origin::parse("http://localhost:3000"), (Origin{"http", "localhost", 3000}));
  EXPECT_EQ(Origin::parse("http://[::1]:80"), (Origin{"http", "[::1]", 80}));
  EXPECT_EQ(Origin::parse("chrome-extension://abcdef"), (Origin{"chrome-extension", "abcdef", 0}));
  EXPECT_EQ(Origin::parse("file://"), (Origin{"file", "", 0}));
}

TEST(OriginTest, TakesNothingElse) {
  for (const char* text :
       {"", "null", "example.com", "//example.com", "://x", "http://", "http://a/", "http://a/b",
        "http://a:", "http://a:0", "http://a:65536", "http://a:80:80", "http://a b", "http://[::1",
        "http://[zz]", "http://a?x", "http://u@a", "http://a, http://b", "http://*.a"}) {
    EXPECT_EQ(Origin::parse(text), std::nullopt) << text;
  }
}

TEST(OriginListTest, SaysWhatAPatternIs) {
  OriginList list;
  for (const char* text :
       {"example.com", "https://", "https://a/", "https://*", "https://a.*.b", "https://a:x"}) {
    EXPECT_THAT(list.add(text), HasSubstr("is no origin; write https://")) << text;
  }
}

TEST(OriginListTest, MatchesSchemeHostAndPort) {
  const OriginList list =
      list_of({"https://app.example.com", "https://*.wild.example", "http://localhost:*"});
  for (const char* text :
       {"https://app.example.com", "https://app.example.com:443", "https://APP.example.com",
        "https://a.wild.example", "https://a.b.wild.example", "http://localhost", "http://localhost:5173"}) {
    EXPECT_TRUE(list.allows(text)) << text;
  }
  for (const char* text : {"http://app.example.com", "https://app.example.com:8443", "https://example.com",
                           "https://xapp.example.com", "https://app.example.com.evil.example",
                           "https://wild.example", "https://evilwild.example", "https://.wild.example",
                           "https://localhost:5173", "null", "file://", ""}) {
    EXPECT_FALSE(list.allows(text)) << text;
  }
  EXPECT_TRUE(list_of({"*"}).allows("anything at all"));
  EXPECT_TRUE(list_of({"null"}).allows("null"));
  EXPECT_TRUE(list_of({"https://*.wild.example:*"}).allows("https://a.wild.example:1"));
}

TEST(CheckOriginTest, AProgramThatIsNoBrowserIsNotAsked) {
  EXPECT_ALLOWED("", "stream.example.com");
  EXPECT_ALLOWED("", "localhost:9000", kLoopback);
  EXPECT_ALLOWED("", "", kLoopback);
}

TEST(CheckOriginTest, PagesOfTheServersOwnHostAreAllowed) {
  EXPECT_ALLOWED("https://stream.example.com", "stream.example.com");
  EXPECT_ALLOWED("https://stream.example.com", "stream.example.com:443");
  EXPECT_ALLOWED("http://10.0.0.5:9000", "10.0.0.5:9000");
  EXPECT_ALLOWED("http://Stream.example.com:9000", "stream.EXAMPLE.com:9000");
  EXPECT_REFUSED("http://stream.example.com:9001", "stream.example.com:9000");
  EXPECT_REFUSED("http://stream.example.com", "stream.example.com:9000");
  EXPECT_REFUSED("https://evil.example", "stream.example.com");
  EXPECT_REFUSED("https://stream.example.com.evil.example", "stream.example.com");
}

TEST(CheckOriginTest, OnLoopbackPagesOfThisMachineAreAllowed) {
  for (const char* origin : {"http://localhost:3000", "https://localhost", "http://127.0.0.1:8000",
                             "http://[::1]:8000", "http://app.localhost:3000", "file://"}) {
    EXPECT_ALLOWED(origin, "127.0.0.1:9000", kLoopback);
    EXPECT_REFUSED(origin, "10.0.0.5:9000", kNetwork);
  }
  EXPECT_REFUSED("http://evil.example", "127.0.0.1:9000", kLoopback);
  EXPECT_REFUSED("http://127.0.0.1.evil.example", "127.0.0.1:9000", kLoopback);
  EXPECT_REFUSED("chrome-extension://localhost", "127.0.0.1:9000", kLoopback);
}

// F8: behind a proxy that is not said to be one the other end is always this machine.
TEST(CheckOriginTest, PagesOfAVisitorsMachineAreNotThisMachines) {
  const std::vector<std::string> list{"https://stream.example.com"};
  for (const char* origin : {"http://localhost:3000", "http://127.0.0.1:8000", "http://[::1]", "file://"}) {
    for (const char* host :
         {"stream.example.com", "10.0.0.5:9000", "203.0.113.9", "[2001:db8::1]:9000", "wskit"}) {
      EXPECT_REFUSED(origin, host, kLoopback, list);
    }
    EXPECT_REFUSED(origin, "", kLoopback);
  }
  EXPECT_ALLOWED("https://stream.example.com", "stream.example.com", kLoopback, list);
}

// F8: the proxy may have put this machine's name in place of the visitor's.
TEST(CheckOriginTest, PagesOfWhoComesThroughAProxyAreNotThisMachines) {
  const auto refused = [](const std::string& name, const std::string& value) {
    Request request;
    request.headers = {{"host", "127.0.0.1:9000"}, {"origin", "http://localhost:3000"}, {name, value}};
    return check_origin(request, {}, kLoopback).has_value();
  };
  EXPECT_TRUE(refused("x-forwarded-for", "203.0.113.9"));
  EXPECT_TRUE(refused("x-forwarded-for", "127.0.0.1, 203.0.113.9"));
  EXPECT_TRUE(refused("x-forwarded-for", "203.0.113.9, 127.0.0.1")) << "through two proxies of this machine";
  EXPECT_TRUE(refused("x-forwarded-for", "unknown"));
  EXPECT_TRUE(refused("x-forwarded-for", ""));
  EXPECT_TRUE(refused("x-real-ip", "203.0.113.9"));
  EXPECT_TRUE(refused("forwarded", "for=203.0.113.9;proto=https"));
  EXPECT_TRUE(refused("forwarded", "for=_hidden"));
  EXPECT_FALSE(refused("x-forwarded-for", "127.0.0.1")) << "a development server of this machine";
  EXPECT_FALSE(refused("forwarded", "for=\"[::1]:4711\""));
  // What a page may send of its own does not open the door that the Host has shut.
  Request rebound;
  rebound.headers = {{"host", "evil.example"}, {"x-forwarded-for", "203.0.113.9"}};
  EXPECT_TRUE(check_origin(rebound, {}, kLoopback));
}

TEST(CheckOriginTest, APageWithoutAnOriginHasToBeAllowed) {
  EXPECT_THAT(problem("null", "localhost:9000", kLoopback), HasSubstr("--origin null"));
  EXPECT_ALLOWED("null", "localhost:9000", kLoopback, {"null"});
}

TEST(CheckOriginTest, OnLoopbackANameThatSomebodyOwnsIsNoneOfThisMachines) {
  for (const char* host : {"evil.example", "evil.example:9000", "127.0.0.1.evil.example", "evil%2eexample"}) {
    EXPECT_THAT(problem("", host, kLoopback), HasSubstr("is no name of this machine")) << host;
    EXPECT_THAT(problem(std::string("http://") + host, host, kLoopback),
                HasSubstr("no name of this machine"));
  }
  for (const char* host :
       {"localhost", "localhost.:9000", "wskit", "wskit:9000", "a.localhost", "127.0.0.1", "[::1]:9000"}) {
    EXPECT_ALLOWED("", host, kLoopback);
  }
  EXPECT_ALLOWED("", "stream.example.com", kLoopback, {"https://stream.example.com"});
  EXPECT_ALLOWED("", "a.example.com:9000", kLoopback, {"https://*.example.com"});
  EXPECT_ALLOWED("", "evil.example", {.loopback = true, .tls = true});
}

TEST(CheckOriginTest, TheListAddsToThat) {
  const std::vector<std::string> list{"https://app.example.com"};
  EXPECT_ALLOWED("https://app.example.com", "stream.example.com", kNetwork, list);
  EXPECT_ALLOWED("https://app.example.com", "127.0.0.1:9000", kLoopback, list);
  EXPECT_ALLOWED("https://stream.example.com", "stream.example.com", kNetwork, list);
  EXPECT_REFUSED("https://evil.example", "stream.example.com", kNetwork, list);
  EXPECT_ALLOWED("https://evil.example", "stream.example.com", kNetwork, {"*"});
}

TEST(CheckOriginTest, NamesTheFlagThatWouldAllowIt) {
  EXPECT_THAT(problem("https://app.example.com", "stream.example.com"),
              HasSubstr("--origin https://app.example.com"));
}

TEST(CheckOriginTest, TwoOriginsAreNone) {
  Request request;
  request.headers = {{"host", "a"}, {"origin", "http://a"}, {"origin", "http://evil.example"}};
  EXPECT_TRUE(check_origin(request, {}, kNetwork));
}

}  // namespace
}  // namespace wskit::server::http
