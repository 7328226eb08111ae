#include "wsserve/limits/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "wsserve/limits/peer_address.h"

namespace wskit::server {
namespace {

std::string read(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address->to_string() : "none";
}

bool contains(std::string_view network, std::string_view address) {
  const auto parsed = Network::parse(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && parsed->contains(*IpAddress::parse(address));
}

TEST(IpAddressTest, ReadsBothFamilies) {
  EXPECT_EQ(read("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(read("2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(read("::"), "::");
}

TEST(IpAddressTest, TakesAnIpv4AddressInIpv6ForWhatItIs) {
  EXPECT_EQ(read("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(*IpAddress::parse("::ffff:c000:201"), *IpAddress::parse("192.0.2.1"));
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4:80",
                          "[::1]", "::1%eth0", "::g", "unknown", "localhost", "1.2.3.04x",
                          "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    EXPECT_EQ(read(bad), "none") << bad;
  }
  EXPECT_EQ(read(std::string_view("1.2.3.4\0x", 9)), "none");
}

TEST(IpAddressTest, CountsASlash64AsOne) {
  const auto counted = [](const char* text) { return std::string(IpAddress::parse(text)->counted_as()); };
  EXPECT_EQ(counted("2001:db8:1:2::1"), counted("2001:db8:1:2:ffff::9"));
  EXPECT_NE(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
  EXPECT_NE(counted("192.0.2.1"), counted("192.0.2.2"));
  EXPECT_EQ(counted("192.0.2.1"), counted("::ffff:192.0.2.1"));
}

TEST(NetworkTest, HoldsTheAddressesThatBeginAlike) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(NetworkTest, IsOneAddressWithoutALength) {
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(contains("::1", "::1"));
}

TEST(NetworkTest, KeepsTheFamiliesApart) {
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST(NetworkTest, RefusesWhatIsNoNetwork) {
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8",
                          "10.0.0.0/0x8", "10.0.0.0/99999999999", "host/8"}) {
    EXPECT_FALSE(Network::parse(bad)) << bad;
  }
}

TEST(NetworkTest, RefusesBitsBehindTheLength) {
  EXPECT_FALSE(Network::parse("10.1.2.3/8"));
  EXPECT_FALSE(Network::parse("2001:db8::1/64"));
  EXPECT_TRUE(Network::parse("10.1.2.3/32"));
}

TEST(PeerAddressTest, IsWhatTheSocketSays) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(4711);
  ::inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
  EXPECT_EQ(PeerAddress::from(reinterpret_cast<sockaddr*>(&in)).to_string(), "192.0.2.1:4711");
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(80);
  ::inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
  const auto peer = PeerAddress::from(reinterpret_cast<sockaddr*>(&in6));
  EXPECT_EQ(peer.to_string(), "[2001:db8::1]:80");
  EXPECT_EQ(peer.host(), "2001:db8::1");
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  EXPECT_EQ(PeerAddress::from(reinterpret_cast<sockaddr*>(&local)).to_string(), "unix");
  EXPECT_EQ(PeerAddress(*IpAddress::parse("::1")).to_string(), "::1");
}

}  // namespace
}  // namespace wskit::server
