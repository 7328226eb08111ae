#include "wsserve/http/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::server::http {
namespace {

using testing::HasSubstr;

std::string problem(const std::vector<std::string>& hosts, bool http_1_1 = true) {
  Request request;
  request.http_1_1 = http_1_1;
  for (const std::string& host : hosts) request.headers.emplace_back("host", host);
  const auto refused = host_problem(request);
  if (!refused) return "";
  EXPECT_EQ(refused->status, 400U);
  EXPECT_EQ(refused->code, "BAD_REQUEST");
  return refused->message;
}

// H7: a Host that is none is no request at all, whatever else it asks for.
TEST(HostTest, IsANameOrAnAddressWithOrWithoutAPort) {
  for (const char* host : {"", "localhost", "localhost:", "127.0.0.1:9000", "127.0.0.1:", "[::1]",
                           "[::1]:9000", "[::1]:", "Stream.Example.COM:443", "a_b", "xn--bcher-kva.example",
                           "a%2db", "a:0", "a:65535", "a:00080", "a!b"}) {
    EXPECT_EQ(problem({host}), "") << host;
  }
  for (const char* host : {"a b",
                           "user@127.0.0.1",
                           "user:pass@127.0.0.1:80",
                           "127.0.0.1:abc",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "a:80:80",
                           "::1",
                           "[::1",
                           "[zz]",
                           "[127.0.0.1]",
                           "[::1]x",
                           "[::1]:x",
                           "a/b",
                           "a?b",
                           "a#b",
                           "http://a",
                           "a\\b",
                           "a%",
                           "a%4",
                           "a%zz",
                           ":9000",
                           "b\xC3\xBC"
                           "cher.example",
                           "<a>",
                           "\"a\""}) {
    EXPECT_THAT(problem({host}), HasSubstr("is neither a name nor an address")) << host;
  }
}

TEST(HostTest, StandsThereOnce) {
  EXPECT_THAT(problem({}), HasSubstr("exactly one Host"));
  EXPECT_THAT(problem({"a", "a"}), HasSubstr("exactly one Host"));
  EXPECT_THAT(problem({"a", "b"}, false), HasSubstr("exactly one Host"));
  EXPECT_EQ(problem({}, false), "") << "HTTP/1.0 needs none";
}

TEST(HostTest, IsReadWithoutCaseAndWithItsPort) {
  EXPECT_EQ(HostAndPort::parse("LocalHost:9000"), (HostAndPort{"localhost", 9000}));
  EXPECT_EQ(HostAndPort::parse("[::1]:80"), (HostAndPort{"[::1]", 80}));
  EXPECT_EQ(HostAndPort::parse("a:"), (HostAndPort{"a", std::nullopt}));
}

TEST(HostTest, KnowsWhatOnlyThisMachineCallsItself) {
  for (const char* host : {"localhost", "localhost.", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"}) {
    EXPECT_TRUE(is_this_machine(host)) << host;
  }
  for (const char* host : {"", "stream.example.com", "wskit", "10.0.0.5", "203.0.113.9", "[2001:db8::1]",
                           "127.0.0.1.example", "localhost.example", "xlocalhost", "128.0.0.1"}) {
    EXPECT_FALSE(is_this_machine(host)) << host;
  }
}

}  // namespace
}  // namespace wskit::server::http
