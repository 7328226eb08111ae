#include "common/client/url.h"

#include <gtest/gtest.h>

namespace wskit::client {
namespace {

Url parse(std::string_view text) {
  const auto url = parse_url(text);
  EXPECT_TRUE(url) << text << ": " << (url ? "" : url.error().message);
  return url ? *url : Url{};
}

std::string error_of(std::string_view text) {
  const auto url = parse_url(text);
  EXPECT_FALSE(url) << text;
  return url ? "" : url.error().message;
}

TEST(Url, TakesABaseUrlAsTheServerPrintsIt) {
  const Url url = parse("ws://127.0.0.1:41234");
  EXPECT_EQ(url.transport, Transport::kTcp);
  EXPECT_EQ(url.host, "127.0.0.1");
  EXPECT_EQ(url.port, 41234);
  EXPECT_EQ(url.target, "/ws");
}

TEST(Url, KeepsPathAndQuery) {
  EXPECT_EQ(parse("ws://h/ws/market/*?events=trade").target, "/ws/market/*?events=trade");
  EXPECT_EQ(parse("ws://h/").target, "/ws");
  EXPECT_EQ(parse("ws://h?heartbeat=5").target, "/ws?heartbeat=5");
  EXPECT_EQ(parse("ws://h/ws#part").target, "/ws");
}

TEST(Url, KnowsThePortOfItsScheme) {
  EXPECT_EQ(parse("ws://example.com").port, 80);
  EXPECT_EQ(parse("wss://example.com").port, 443);
  EXPECT_EQ(parse("wss://example.com").transport, Transport::kTls);
  EXPECT_EQ(parse("https://example.com/x").transport, Transport::kTls);
  EXPECT_EQ(parse("example.com:9000").port, 9000);
}

// F21
TEST(Url, SchemesHaveNoCase) {
  EXPECT_EQ(parse("WS://h:9000").display(), "ws://h:9000/ws");
  EXPECT_EQ(parse("Wss://h").transport, Transport::kTls);
  EXPECT_EQ(parse("HTTPS://h/x").target, "/x");
  EXPECT_EQ(parse("WS+Unix:/Run/S").socket_path, "/Run/S");
}

TEST(Url, TakesAnIpv6AddressInBrackets) {
  const Url url = parse("ws://[::1]:9000/ws");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 9000);
  EXPECT_EQ(url.host_header(), "[::1]:9000");
  EXPECT_EQ(parse("ws://[::1]").port, 80);
}

TEST(Url, TakesAUnixSocketWithAndWithoutARequestPath) {
  const Url url = parse("ws+unix:/run/wskit.sock");
  EXPECT_EQ(url.transport, Transport::kUnix);
  EXPECT_EQ(url.socket_path, "/run/wskit.sock");
  EXPECT_EQ(url.target, "/ws");
  EXPECT_EQ(parse("ws+unix:/run/wskit.sock:/ws/a").target, "/ws/a");
  EXPECT_EQ(parse("ws+unix:///run/wskit.sock").socket_path, "/run/wskit.sock");
  EXPECT_EQ(parse("unix:wskit.sock").socket_path, "wskit.sock");
}

TEST(Url, NamesThePortInTheHostHeaderOnlyWhereItIsUnusual) {
  EXPECT_EQ(parse("ws://h:80/").host_header(), "h");
  EXPECT_EQ(parse("wss://h:443/").host_header(), "h");
  EXPECT_EQ(parse("ws://h:443/").host_header(), "h:443");
  EXPECT_EQ(parse("unix:/x").host_header(), "localhost");
}

TEST(Url, NeverShowsTheValuesOfAQuery) {
  EXPECT_EQ(parse("ws://h:9000/ws?token=secret&events=a").display(), "ws://h:9000/ws?token=...&events=...");
  EXPECT_EQ(parse("ws+unix:/s:/ws").display(), "ws+unix:/s:/ws");
}

TEST(Url, SaysWhatIsWrong) {
  EXPECT_NE(error_of("ftp://h").find("scheme"), std::string::npos);
  EXPECT_NE(error_of("ws://").find("no host"), std::string::npos);
  EXPECT_NE(error_of("ws://h:0").find("port"), std::string::npos);
  EXPECT_NE(error_of("ws://h:65536").find("port"), std::string::npos);
  EXPECT_NE(error_of("ws://h:x").find("port"), std::string::npos);
  EXPECT_NE(error_of("ws://h:").find("port"), std::string::npos);
  EXPECT_NE(error_of("ws://::1/").find("brackets"), std::string::npos);
  EXPECT_NE(error_of("ws://[::1").find(']'), std::string::npos);
  EXPECT_NE(error_of("ws://[::1]x").find(']'), std::string::npos);
  EXPECT_NE(error_of("ws://h/a b").find("white space"), std::string::npos);
  EXPECT_NE(error_of("unix:").find("no socket"), std::string::npos);
  EXPECT_NE(error_of("unix:/s:ws").find('/'), std::string::npos);
  EXPECT_NE(error_of("unix:/" + std::string(107, 'x')).find("107"), std::string::npos);
}

TEST(Url, NeverRepeatsAPasswordInAnError) {
  EXPECT_EQ(error_of("ws://me:secret@h/").find("secret"), std::string::npos);
}

TEST(WithoutSecrets, LeavesOutWhatMayBeOne) {
  EXPECT_EQ(without_secrets("ws://h/ws?token=abc&events=a,b#x"), "ws://h/ws?token=...&events=...");
  EXPECT_EQ(without_secrets("ws://ann:pw@h:1/a@b?c=d@e"), "ws://...@h:1/a@b?c=...");
  EXPECT_EQ(without_secrets("ann:pw@h"), "...@h");
  EXPECT_EQ(without_secrets("ws://h/a"), "ws://h/a");
  EXPECT_EQ(without_secrets(""), "");
}

}  // namespace
}  // namespace wskit::client
