#include "wsserve/limits/trusted_proxies.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::server {
namespace {

TrustedProxies trusting(std::initializer_list<const char*> networks) {
  TrustedProxies proxies;
  for (const char* network : networks) EXPECT_TRUE(proxies.add(network)) << network;
  return proxies;
}

PeerAddress peer(std::string_view ip) { return PeerAddress(*IpAddress::parse(ip)); }

class ForwardedTest : public testing::Test {
 protected:
  std::string client(std::string_view value) const { return read(value, ForwardedHeader::kXForwardedFor); }
  std::string client_of_standard(std::string_view value) const {
    return read(value, ForwardedHeader::kForwarded);
  }
  std::string read(std::string_view value, ForwardedHeader header) const {
    const auto found = forwarded_client(value, header, proxies_);
    return found ? found->to_string() : "none";
  }

  TrustedProxies proxies_ = trusting({"10.0.0.0/8", "fd00::/8"});
};

TEST(TrustedProxiesTest, TrustsItsNetworksAndNobodyElse) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8", "::1"});
  EXPECT_TRUE(proxies.trusts(peer("10.1.2.3")));
  EXPECT_TRUE(proxies.trusts(peer("::1")));
  EXPECT_FALSE(proxies.trusts(peer("192.0.2.1")));
  EXPECT_FALSE(proxies.trusts(PeerAddress()));
  EXPECT_FALSE(TrustedProxies().trusts(peer("127.0.0.1")));
}

TEST(TrustedProxiesTest, TrustsUnixSocketsWhereThatIsSaid) {
  const TrustedProxies proxies = trusting({"unix"});
  EXPECT_TRUE(proxies.trusts(PeerAddress()));
  EXPECT_FALSE(proxies.trusts(peer("127.0.0.1")));
}

TEST_F(ForwardedTest, IsTheLastOneThatIsNoProxy) {
  EXPECT_EQ(client("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(client("203.0.113.9, 10.0.0.1, 10.0.0.2"), "203.0.113.9");
  EXPECT_EQ(client("203.0.113.9,fd00::1"), "203.0.113.9");
}

TEST_F(ForwardedTest, IsNotWhatTheClientInvents) {
  EXPECT_EQ(client("1.1.1.1, 203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(client("1.1.1.1, 203.0.113.9, 10.0.0.1"), "203.0.113.9");
  EXPECT_EQ(client("10.0.0.7, 203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(client("unknown, \"a,b\", 203.0.113.9"), "203.0.113.9");
}

TEST_F(ForwardedTest, IsTheFirstOneWhereAllAreProxies) {
  EXPECT_EQ(client("10.9.9.9, 10.0.0.1"), "10.9.9.9");
}

TEST_F(ForwardedTest, StopsAtWhatIsNoAddress) {
  EXPECT_EQ(client("203.0.113.9, nonsense, 10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(client("nonsense"), "none");
  EXPECT_EQ(client(""), "none");
  EXPECT_EQ(client(" , "), "none");
}

// F21: a proxy that adds an empty value to what it was sent.
TEST_F(ForwardedTest, PassesOverEmptyMembers) {
  EXPECT_EQ(client("203.0.113.9,"), "203.0.113.9");
  EXPECT_EQ(client("203.0.113.9, , ,\t"), "203.0.113.9");
  EXPECT_EQ(client("1.1.1.1, 203.0.113.9,, 10.0.0.1, "), "203.0.113.9");
  EXPECT_EQ(client(", 10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(client(",,,"), "none");
  EXPECT_EQ(client_of_standard("for=203.0.113.9, , for=10.0.0.1,"), "203.0.113.9");
}

TEST_F(ForwardedTest, MayHaveAPort) {
  EXPECT_EQ(client("203.0.113.9:4711"), "203.0.113.9:4711");
  EXPECT_EQ(client("[2001:db8::1]:4711"), "[2001:db8::1]:4711");
  EXPECT_EQ(client("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(client("2001:db8::1"), "2001:db8::1");
  for (const char* bad : {"203.0.113.9:", "203.0.113.9:65536", "203.0.113.9:x", "[2001:db8::1",
                          "[2001:db8::1]x", "[2001:db8::1]:", "[203.0.113.9]:1"}) {
    EXPECT_EQ(client(bad), "none") << bad;
  }
}

TEST_F(ForwardedTest, ReadsTheStandardHeaderToo) {
  EXPECT_EQ(client_of_standard("for=203.0.113.9;proto=https;by=10.0.0.1"), "203.0.113.9");
  EXPECT_EQ(client_of_standard("proto=https; For=\"[2001:db8::1]:80\""), "[2001:db8::1]:80");
  EXPECT_EQ(client_of_standard("for=1.1.1.1, for=203.0.113.9, FOR=10.0.0.1"), "203.0.113.9");
  EXPECT_EQ(client_of_standard("for=_hidden"), "none");
  EXPECT_EQ(client_of_standard("for=203.0.113.9, for=unknown, for=10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(client_of_standard("203.0.113.9"), "none");
  EXPECT_EQ(client_of_standard("for=\"203.0.113.9"), "none");
}

}  // namespace
}  // namespace wskit::server
