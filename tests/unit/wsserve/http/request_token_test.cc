#include "wsserve/http/request_token.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wskit::server::http {
namespace {

Request request(std::string query, std::vector<std::pair<std::string, std::string>> headers) {
  Request made;
  made.query = std::move(query);
  made.headers = std::move(headers);
  return made;
}

TEST(RequestTokenTest, StandsInAHeaderOrTheQuery) {
  auto none = request("since=5", {{"host", "x"}});
  EXPECT_EQ(take_token(none), std::nullopt);
  auto header = request("", {{"authorization", "Bearer abc"}});
  EXPECT_EQ(take_token(header), "abc");
  auto lower = request("", {{"authorization", "bearer  abc "}});
  EXPECT_EQ(take_token(lower), "abc");
  auto query = request("since=5&token=a%2Db", {});
  EXPECT_EQ(take_token(query), "a-b");
  auto both = request("token=q", {{"authorization", "Bearer h"}});
  EXPECT_EQ(take_token(both), "h");
  auto other = request("", {{"authorization", "Basic dXNlcjpwdw=="}});
  EXPECT_EQ(take_token(other), std::nullopt);
}

TEST(RequestTokenTest, LeavesTheRequestWithoutIt) {
  auto made =
      request("a=1&token=secret&to%6ben=secret&b=%2", {{"authorization", "Basic secret"}, {"host", "x"}});
  EXPECT_EQ(take_token(made), "secret");
  EXPECT_EQ(made.query, "a=1&b=%2");
  EXPECT_EQ(made.headers.size(), 1U);
}

TEST(RequestTokenTest, OneThatIsMalformedOrEmptyIsStillOne) {
  for (const char* query : {"token=%2", "token=", "token"}) {
    auto made = request(query, {});
    EXPECT_EQ(take_token(made), "") << query;
    EXPECT_EQ(made.query, "");
  }
  auto bare = request("", {{"authorization", "Bearer"}});
  EXPECT_EQ(take_token(bare), "");
}

}  // namespace
}  // namespace wskit::server::http
