#include "wsserve/http/endpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskit::server::http {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class EndpointTest : public testing::Test {
 protected:
  void endpoint(std::string_view path, const std::vector<std::string>& channels,
                std::map<std::string, std::string, std::less<>> defaults = {}) {
    endpoint_ = {*PathTemplate::parse(path), {}, std::move(defaults)};
    for (const std::string& channel : channels) {
      endpoint_.channels.push_back(*parse_endpoint_channel(channel));
    }
  }

  // "a/1 a/2", "no match" or "400 CODE: message".
  std::string asked(std::string_view target, std::size_t max_channels = 1'000) const {
    const std::size_t mark = std::min(target.find('?'), target.size());
    const auto values = endpoint_.path.match(target.substr(0, mark));
    if (!values) return "no match";
    const auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
    const auto resolved = endpoint_.resolve(*values, endpoint_.complete(*query), max_channels);
    if (const auto* error = std::get_if<HttpError>(&resolved)) {
      return fmt::format("{} {}: {}", error->status, error->code, error->message);
    }
    return fmt::format("{}", fmt::join(std::get<std::vector<std::string>>(resolved), " "));
  }

  Endpoint endpoint_{*PathTemplate::parse("/x"), {}, {}};
};

std::string path_fault(std::string_view text) {
  const auto parsed = PathTemplate::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

bool overlap(std::string_view a, std::string_view b) {
  return PathTemplate::parse(a)->overlaps(*PathTemplate::parse(b));
}

TEST_F(EndpointTest, TakesVariablesFromThePath) {
  endpoint("/api/ws/stream/backtest/{id}", {"backtest/{id}", "backtest/{id}/control"});
  EXPECT_EQ(asked("/api/ws/stream/backtest/bt-42"), "backtest/bt-42 backtest/bt-42/control");
  EXPECT_EQ(asked("/api/ws/stream/backtest/b%C3%B8rs"), "backtest/børs backtest/børs/control");
  EXPECT_EQ(asked("/api/ws/str%65am/backtest/x"), "backtest/x backtest/x/control");
}

// S7: front ends that must not change send what their former server knew.
TEST_F(EndpointTest, CountsTheParametersThatItPassesOver) {
  endpoint("/api/{id}", {"backtest/{id}", "live/{symbols}"});
  const auto unknown = [this](std::string_view query) {
    return endpoint_.count_unknown(*parse_query(query));
  };
  EXPECT_EQ(unknown("symbols=A,B&since=start&events=x&token=t&heartbeat=1&max_rate=1&conflate=true"), 0U);
  EXPECT_EQ(unknown("symbols=A&userId=7&format=json&userId=8"), 3U);
  EXPECT_THAT(asked("/api/x?symbols=A&userId=7"), "backtest/x live/A");
}

TEST_F(EndpointTest, OtherPathsAreNotItsOwn) {
  endpoint("/api/backtest/{id}", {"backtest/{id}"});
  for (const char* path : {"/api/backtest", "/api/backtest/a/b", "/api/backtest/a/", "/api/x/a",
                           "/API/backtest/a", "/", "", "/api/backtest/%zz"}) {
    EXPECT_EQ(asked(path), "no match") << path;
  }
}

TEST_F(EndpointTest, MakesOneChannelOfEachListedValue) {
  endpoint("/live", {"live-trading/{symbols}"});
  EXPECT_EQ(asked("/live?symbols=BTC-USD,ETH-USD"), "live-trading/BTC-USD live-trading/ETH-USD");
  EXPECT_EQ(asked("/live?symbols=A%2CB&x=1&symbols=C,,A"), "live-trading/A live-trading/B live-trading/C");
}

TEST_F(EndpointTest, CombinesTheValuesOfSeveralLists) {
  endpoint("/live/{exchange}", {"{exchange}/{symbols}-{kinds}", "unified", "{exchange}/unified"});
  EXPECT_EQ(asked("/live/cb?symbols=A,B&kinds=x,y"), "cb/A-x cb/A-y cb/B-x cb/B-y unified cb/unified");
}

TEST_F(EndpointTest, AMissingListIsNamed) {
  endpoint("/live", {"live-trading/{symbols}"});
  EXPECT_EQ(asked("/live"), "400 BAD_REQUEST: symbols= is missing: say what you want, symbols=A,B");
  EXPECT_THAT(asked("/live?symbols="), HasSubstr("symbols= is missing"));
  EXPECT_THAT(asked("/live?symbols=,"), HasSubstr("symbols= is missing"));
}

TEST_F(EndpointTest, DefaultsStandInForWhatIsMissing) {
  endpoint("/live", {"live-trading/{symbols}"}, {{"symbols", "*"}, {"since", "start"}});
  EXPECT_EQ(asked("/live"), "live-trading/*");
  EXPECT_EQ(asked("/live?symbols="), "live-trading/*");
  EXPECT_EQ(asked("/live?symbols=A"), "live-trading/A");
  EXPECT_THAT(endpoint_.complete({}), testing::Contains(testing::Pair("since", "start")));
  EXPECT_THAT(endpoint_.complete({{"since", "5"}}), Not(testing::Contains(testing::Pair("since", "start"))));
}

TEST_F(EndpointTest, AValueThatIsNoSegmentIsRefusedWithItsParameter) {
  endpoint("/live/{id}", {"live/{id}/{symbols}", "{symbols}"});
  EXPECT_THAT(asked("/live/x?symbols=A,B%20C"),
              testing::AllOf(HasSubstr("400 BAD_CHANNEL: symbols=: \"B C\" is no segment"),
                             HasSubstr("white space")));
  EXPECT_THAT(asked("/live/a%2Fb?symbols=A"), HasSubstr("{id} in the path: \"a/b\" is no segment"));
  EXPECT_THAT(asked("/live/*?symbols=A"), HasSubstr("{id} in the path"));
  EXPECT_THAT(asked("/live/?symbols=A"), HasSubstr("it is empty"));
  EXPECT_THAT(asked("/live/x?symbols=**"), HasSubstr("symbols=:"));
  EXPECT_THAT(asked("/live/x?symbols=@all"), HasSubstr("the server's own"));
  EXPECT_THAT(asked("/live/x?symbols=%FF"), HasSubstr("UTF-8"));
  EXPECT_THAT(asked("/live/x?symbols=" + std::string(250, 'a')), HasSubstr("at most 255"));
}

TEST_F(EndpointTest, StandsForNoMoreChannelsThanAConnectionMayHave) {
  endpoint("/live", {"{a}/{b}"});
  EXPECT_EQ(asked("/live?a=1,2&b=1,2", 4), "1/1 1/2 2/1 2/2");
  EXPECT_THAT(asked("/live?a=1,2&b=1,2", 3), HasSubstr("400 TOO_MANY_CHANNELS"));
}

TEST_F(EndpointTest, PathsThatAreNoneAreRefusedWithTheReason) {
  EXPECT_THAT(path_fault("api"), HasSubstr("begins with a /"));
  EXPECT_THAT(path_fault("/"), HasSubstr("no segment may be empty"));
  EXPECT_THAT(path_fault("/a/"), HasSubstr("no segment may be empty"));
  EXPECT_THAT(path_fault("/a?b=1"), HasSubstr("leave the query out"));
  EXPECT_THAT(path_fault("/a/{b"), HasSubstr("is no variable"));
  EXPECT_THAT(path_fault("/a/{}"), HasSubstr("is no variable"));
  EXPECT_THAT(path_fault("/a/{"), HasSubstr("is no variable"));
  EXPECT_THAT(path_fault("/a/x{b}"), HasSubstr("a variable is one as a whole"));
  EXPECT_THAT(path_fault("/{b}/{b}"), HasSubstr("twice"));
  EXPECT_THAT(path_fault("/a b"), HasSubstr("is no segment"));
  EXPECT_THAT(path_fault("/api/v1.0/~x/{id}"), IsEmpty());
}

TEST_F(EndpointTest, ChannelsThatAreNoneAreRefusedWithTheReason) {
  const auto fault = [](std::string_view text) { return parse_endpoint_channel(text).error().message; };
  EXPECT_THAT(fault("@user/{id}"), HasSubstr("the server's own"));
  EXPECT_THAT(fault("a/{/b}"), HasSubstr("is no variable"));
  EXPECT_THAT(fault("a/{since}"), HasSubstr("since= has a meaning of its own"));
  EXPECT_THAT(fault("a//{b}"), HasSubstr("segment 2 is empty"));
  EXPECT_TRUE(parse_endpoint_channel("agents/*"));
}

TEST_F(EndpointTest, TheServersOwnAddressesCannotBeTaken) {
  const auto taken = [](std::string_view text) { return taken_by_server(*PathTemplate::parse(text)); };
  EXPECT_THAT(taken("/ws/{id}"), HasSubstr("begin with /ws"));
  EXPECT_THAT(taken("/publish"), HasSubstr("begin with /publish"));
  EXPECT_THAT(taken("/{any}/x"), HasSubstr("put a fixed segment before it"));
  EXPECT_THAT(taken("/api/ws/stream"), IsEmpty());
  EXPECT_THAT(taken("/wsx"), IsEmpty());
}

TEST_F(EndpointTest, TemplatesThatMeetInOnePathOverlap) {
  EXPECT_TRUE(overlap("/a/{x}", "/a/b"));
  EXPECT_TRUE(overlap("/a/{x}/c", "/a/b/{y}"));
  EXPECT_TRUE(overlap("/a", "/a"));
  EXPECT_FALSE(overlap("/a/{x}/c", "/a/b/d"));
  EXPECT_FALSE(overlap("/a/{x}", "/a"));
}

}  // namespace
}  // namespace wskit::server::http
