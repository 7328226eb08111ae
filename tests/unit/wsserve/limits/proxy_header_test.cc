#include "wsserve/limits/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::server {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4 =
    "\xcb\0\x71\x09"s
    "\x0a\0\0\x01"s
    "\x12\x67"s
    "\x01\xbb"s;

std::string binary(char command, char family, const std::string& rest) {
  return kSignature + command + family + static_cast<char>(rest.size() >> 8U) +
         static_cast<char>(rest.size() & 0xffU) + rest;
}

// The client, "proxy" where there is none, "more" or "bad"; and behind a bar what
// was left over.
std::string read(const std::string& bytes) {
  ProxyHeader header;
  const auto [status, used] = header.feed(bytes);
  if (status == ProxyHeader::Status::kNeedMore) return "more";
  if (status == ProxyHeader::Status::kBad) return "bad";
  const std::string rest = used < bytes.size() ? "|" + bytes.substr(used) : "";
  return (header.client() ? header.client()->to_string() : "proxy") + rest;
}

TEST(ProxyHeaderTest, ReadsALineAndLeavesWhatFollows) {
  EXPECT_EQ(read("PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"), "203.0.113.9:4711");
  EXPECT_EQ(read("PROXY TCP6 2001:db8::1 ::1 4711 443\r\nGET / HTTP/1.1"),
            "[2001:db8::1]:4711|GET / HTTP/1.1");
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "proxy");
  EXPECT_EQ(read("PROXY UNKNOWN whatever 1 2 3\r\n\r\n"), "proxy|\r\n");
}

TEST(ProxyHeaderTest, RefusesALineThatIsNone) {
  for (const char* bad : {"GET / HTTP/1.1\r\n",
                          "PROXY\r\n",
                          "PROXY \r\n",
                          "PROXY TCP4\r\n",
                          "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443 9\r\n",
                          "PROXY TCP4 203.0.113.9  10.0.0.1 4711 443\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443 \r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 04711 443\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 -1 443\r\n",
                          "PROXY TCP4 2001:db8::1 ::1 4711 443\r\n",
                          "PROXY TCP6 203.0.113.9 10.0.0.1 4711 443\r\n",
                          "PROXY TCP4 host 10.0.0.1 4711 443\r\n",
                          "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\n",
                          "proxy TCP4 203.0.113.9 10.0.0.1 4711 443\r\n",
                          "PROXY UNKNOWN\n",
                          "\r\n\r\n\r\n\r\n",
                          "\x16\x03\x01"}) {
    EXPECT_EQ(read(bad), "bad") << bad;
  }
}

TEST(ProxyHeaderTest, RefusesALineThatIsTooLong) {
  const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
  EXPECT_EQ(longest.size(), 107U);
  EXPECT_EQ(read(longest), "proxy");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n"), "bad");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(100'000, 'x')), "bad");
}

TEST(ProxyHeaderTest, ReadsTheBinaryFormAndLeavesWhatFollows) {
  EXPECT_EQ(read(binary('\x21', '\x11', kV4) + "\x16\x03"), "203.0.113.9:4711|\x16\x03");
  EXPECT_EQ(read(binary('\x21', '\x11', kV4 + "\x04\0\x01x"s)), "203.0.113.9:4711") << "with more behind";
  const std::string v6 =
      "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s + std::string(16, '\0') + "\0\x50\0\x51"s;
  EXPECT_EQ(read(binary('\x21', '\x21', v6)), "[2001:db8::1]:80");
}

TEST(ProxyHeaderTest, KnowsWhenTheProxySpeaksForItself) {
  EXPECT_EQ(read(binary('\x20', '\x00', "") + "GET"), "proxy|GET");
  EXPECT_EQ(read(binary('\x20', '\x11', kV4)), "proxy");
  EXPECT_EQ(read(binary('\x21', '\x00', "")), "proxy");
  EXPECT_EQ(read(binary('\x21', '\x31', std::string(216, 'p'))), "proxy") << "a unix socket has no address";
}

TEST(ProxyHeaderTest, RefusesABinaryFormThatIsNone) {
  EXPECT_EQ(read(binary('\x11', '\x11', kV4)), "bad") << "version";
  EXPECT_EQ(read(binary('\x22', '\x11', kV4)), "bad") << "command";
  EXPECT_EQ(read(binary('\x21', '\x41', kV4)), "bad") << "family";
  EXPECT_EQ(read(binary('\x21', '\x13', kV4)), "bad") << "transport";
  EXPECT_EQ(read(binary('\x21', '\x11', kV4.substr(1))), "bad") << "too short for its family";
  EXPECT_EQ(read(binary('\x21', '\x21', kV4)), "bad") << "too short for its family";
  EXPECT_EQ(read(kSignature + "\x21\x11\xff\xff"), "bad") << "too long";
  EXPECT_EQ(read(kSignature.substr(0, 8) + "QUAT\n"), "bad");
}

TEST(ProxyHeaderTest, RefusesAsSoonAsItCanBeNone) {
  EXPECT_EQ(read("PROXY T"), "more");
  EXPECT_EQ(read("PROXX"), "bad");
  EXPECT_EQ(read("G"), "bad");
  EXPECT_EQ(read("\r\n\r\nG"), "bad");
}

TEST(ProxyHeaderTest, ComesInAnyPieces) {
  for (const std::string& whole :
       {"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"s, binary('\x21', '\x11', kV4)}) {
    ProxyHeader header;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const auto [status, used] = header.feed(whole.substr(i, 1));
      EXPECT_EQ(used, 1U);
      EXPECT_EQ(status, i + 1 == whole.size() ? ProxyHeader::Status::kDone : ProxyHeader::Status::kNeedMore)
          << i;
    }
    EXPECT_EQ(header.client()->to_string(), "203.0.113.9:4711");
  }
}

}  // namespace
}  // namespace wskit::server
