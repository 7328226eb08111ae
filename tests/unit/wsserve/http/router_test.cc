#include "wsserve/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "http_requests.h"
#include "wsserve/http/response.h"

namespace wskit::server::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RouterTest : public testing::Test {
 protected:
  // "page:/ws/stats", "socket:market/AAPL,agents/*", "echo", "404 NOT_FOUND".
  std::string routed(std::string_view target, const std::string& method = "GET") {
    const Route found = route(request_for(target, method), addresses());
    if (const auto* error = std::get_if<HttpError>(&found)) {
      return std::to_string(error->status) + " " + error->code;
    }
    if (const auto* page = std::get_if<Address>(&found)) {
      return "page:" + std::string(resource(*page).path);
    }
    if (std::holds_alternative<EchoSocket>(found)) return "echo";
    if (std::holds_alternative<HistoryRequest>(found)) return "history";
    if (std::holds_alternative<PublishTarget>(found)) return "publish";
    if (std::holds_alternative<AdminRequest>(found)) return "admin";
    const auto* stream = std::get_if<EventStreamRequest>(&found);
    std::string text = stream == nullptr ? "socket:" : "stream:";
    for (const std::string& channel :
         stream == nullptr ? std::get<CommandSocket>(found).channels : stream->channels) {
      text += (text.back() == ':' ? "" : ",") + channel;
    }
    return text;
  }

  SubscribeOptions options(std::string_view target) {
    Route found = route(request_for(target), addresses());
    if (const auto* error = std::get_if<HttpError>(&found)) {
      ADD_FAILURE() << error->message;
      return {};
    }
    return std::get<CommandSocket>(found).options;
  }

  HttpError refusal(std::string_view target, const std::string& method = "GET") {
    return std::get<HttpError>(route(request_for(target, method), addresses()));
  }

  [[nodiscard]] Addresses addresses() const {
    return {.endpoints = {},
            .default_channels = default_channels_,
            .max_channels = 1'000,
            .pace = pace_,
            .echo = echo_};
  }

  std::vector<std::string> default_channels_;
  PaceBounds pace_;
  bool echo_ = false;
};

TEST_F(RouterTest, FindsThePages) {
  for (const char* method : {"GET", "HEAD"}) {
    EXPECT_EQ(routed("/healthz", method), "page:/healthz");
    EXPECT_EQ(routed("/readyz?token=t", method), "page:/readyz");
    EXPECT_EQ(routed("/ws/stats", method), "page:/ws/stats");
    EXPECT_EQ(routed("/metrics", method), "page:/metrics");
    EXPECT_EQ(routed("/", method), "page:/");  // U20: the printed address in a browser
  }
}

TEST_F(RouterTest, FindsNothingElsewhere) {
  for (const char* path : {"", "*", "/wsx", "/WS", "/healthz/", "/echo", "//ws", "/w", "http://h/ws"}) {
    EXPECT_EQ(routed(path), "404 NOT_FOUND") << path;
  }
  EXPECT_EQ(routed("/nope", "POST"), "404 NOT_FOUND");
}

TEST_F(RouterTest, RefusesOtherMethodsAndNamesTheOnesTaken) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "get"}) {
    EXPECT_EQ(routed("/healthz", method), "405 METHOD_NOT_ALLOWED") << method;
    EXPECT_THAT(refusal("/healthz", method).headers,
                ElementsAre(testing::Pair("Allow", "GET, HEAD, OPTIONS")));
    EXPECT_EQ(routed("/ws/a", method), "405 METHOD_NOT_ALLOWED") << method;
    EXPECT_THAT(refusal("/ws/a", method).headers, ElementsAre(testing::Pair("Allow", "GET, OPTIONS")));
  }
  EXPECT_EQ(routed("/ws", "HEAD"), "405 METHOD_NOT_ALLOWED");
}

TEST_F(RouterTest, LooksUpThePathBeforeTheQuery) {
  EXPECT_EQ(routed("/nope?heartbeat=nonsense"), "404 NOT_FOUND");
  EXPECT_EQ(routed("/ws?heartbeat=nonsense", "POST"), "405 METHOD_NOT_ALLOWED");
}

TEST_F(RouterTest, SubscribesWhatTheAddressNames) {
  EXPECT_EQ(routed("/ws/market/AAPL"), "socket:market/AAPL");
  EXPECT_EQ(routed("/ws/agents/*"), "socket:agents/*");
  EXPECT_EQ(routed("/ws/agents/**"), "socket:agents/**");
  EXPECT_EQ(routed("/ws/market%2FBTC-USD"), "socket:market/BTC-USD");
  EXPECT_EQ(routed("/ws/gr%C3%BC%C3%9Fe"), "socket:grüße");
  EXPECT_EQ(routed("/ws/a+b"), "socket:a+b");
}

TEST_F(RouterTest, SubscribesTheDefaultsWhereTheAddressNamesNothing) {
  EXPECT_EQ(routed("/ws"), "socket:");
  default_channels_ = {"unified", "market/*"};
  EXPECT_EQ(routed("/ws"), "socket:unified,market/*");
  EXPECT_EQ(routed("/ws/"), "socket:unified,market/*");
  EXPECT_EQ(routed("/ws/other"), "socket:other");
}

TEST_F(RouterTest, RefusesAChannelThatIsNone) {
  for (const char* path : {"/ws//a", "/ws/a/", "/ws/a//b", "/ws/a%20b", "/ws/a%", "/ws/%zz", "/ws/a**",
                           "/ws/**/a", "/ws/%FF", "/ws/a%00b", "/ws/a%23", "/ws/%7Bid%7D"}) {
    EXPECT_EQ(routed(path), "400 BAD_CHANNEL") << path;
  }
}

TEST_F(RouterTest, ServesTheEchoOnlyWhereItIsOn) {
  EXPECT_EQ(routed("/echo"), "404 NOT_FOUND");
  echo_ = true;
  EXPECT_EQ(routed("/echo"), "echo");
  EXPECT_EQ(routed("/echo", "POST"), "405 METHOD_NOT_ALLOWED");
  EXPECT_EQ(routed("/echo/x"), "404 NOT_FOUND");
}

TEST_F(RouterTest, ReadsTheOptionsOfAQuery) {
  const auto asked = options("/ws/a?events=trade,progress&heartbeat=2.5&since=E:7&token=secret");
  ASSERT_NE(asked.filter, nullptr);
  EXPECT_THAT(asked.filter->types(), ElementsAre("progress", "trade"));
  EXPECT_EQ(asked.heartbeat, std::chrono::milliseconds(2500));
  EXPECT_EQ(asked.since, protocol::Since(protocol::Position{.offset = 7, .epoch = "E"}));
}

TEST_F(RouterTest, AsksForNothingUnasked) {
  for (const char* target : {"/ws/a", "/ws/a?", "/ws/a?events=", "/ws/a?events=,,"}) {
    const auto asked = options(target);
    EXPECT_EQ(asked.filter, nullptr);
    EXPECT_EQ(asked.heartbeat, std::nullopt);
    EXPECT_EQ(asked.since, protocol::Since(protocol::FromNow{}));
  }
}

TEST_F(RouterTest, TakesAHeartbeatOfZeroAndWithinTheBounds) {
  EXPECT_EQ(options("/ws?heartbeat=0").heartbeat, std::chrono::milliseconds(0));
  EXPECT_EQ(options("/ws?heartbeat=0.1").heartbeat, std::chrono::milliseconds(100));
  EXPECT_EQ(options("/ws?heartbeat=3600").heartbeat, std::chrono::hours(1));
  for (const char* bad :
       {"-1", "0.05", "3601", "nan", "inf", "-inf", "1e400", "5s", "", "1 ", "0x10", "1,5"}) {
    EXPECT_EQ(routed(std::string("/ws?heartbeat=") + bad), "400 BAD_REQUEST") << bad;
  }
}

TEST_F(RouterTest, RefusesAQueryThatItCannotServe) {
  EXPECT_EQ(routed("/ws?events=%zz"), "400 BAD_REQUEST");
  EXPECT_EQ(routed("/ws?events=not+a+type"), "400 BAD_EVENT");
  EXPECT_EQ(routed("/ws?events=ok,gr%C3%BCn"), "400 BAD_EVENT");
  EXPECT_EQ(routed("/ws?since=yesterday"), "400 BAD_REQUEST");
  EXPECT_EQ(routed("/ws?max_rate=0"), "400 BAD_REQUEST");
  EXPECT_EQ(routed("/ws?conflate=key"), "400 BAD_REQUEST");
}

// R14: what a rate costs is the operator's to bound.
TEST_F(RouterTest, TakesARateWithinTheBoundsOfTheOperator) {
  pace_ = {.lowest = 0.5, .highest = 20};
  EXPECT_EQ(options("/ws?max_rate=0.5").pace.interval, std::chrono::seconds(2));
  EXPECT_EQ(options("/ws?max_rate=20").pace.interval, std::chrono::milliseconds(50));
  for (const char* target : {"/ws?max_rate=0.49", "/ws/a?max_rate=20.1", "/events/a?max_rate=1000"}) {
    EXPECT_EQ(refusal(target).status, 400U) << target;
    EXPECT_NE(refusal(target).message.find("from 0.5 to 20 events a second on this server"),
              std::string::npos)
        << refusal(target).message;
  }
  EXPECT_NE(refusal("/ws?max_rate=x").message.find("from 0.5 to 20, not \"x\""), std::string::npos);
  pace_ = {};
  EXPECT_EQ(options("/ws?max_rate=1000000").pace.interval, std::chrono::microseconds(1));
  EXPECT_NE(refusal("/ws?max_rate=1000001").message.find("from 0.001 to 1000000, not"), std::string::npos);
}

// S7: whoever sends a parameter means something by it.
TEST_F(RouterTest, RefusesParametersThatAnAddressDoesNotHaveByName) {
  echo_ = true;
  for (const char* target :
       {"/ws?sinse=start", "/ws/a?limit=5", "/events/a?chanel=b", "/history/a?events=trade",
        "/healthz?verbose", "/metrics?x=1", "/ws/stats?user=ann", "/echo?since=1", "/channels?user=ann",
        "/connections?pattern=a", "/connections/x?limit=5", "/?x=1"}) {
    EXPECT_EQ(routed(target), "400 BAD_REQUEST") << target;
    EXPECT_THAT(refusal(target).message, HasSubstr("this address has no parameter \"")) << target;
  }
  EXPECT_THAT(refusal("/publish/a?dedupe=x", "POST").message,
              HasSubstr("no parameter \"dedupe\" (did you mean dedup?); there are as, dedup, key, producer, "
                        "sequence, timestamp, token, type"));
  EXPECT_THAT(refusal("/connections?limit=5", "DELETE").message, HasSubstr("no parameter \"limit\""));
  EXPECT_THAT(refusal("/healthz?%3Cb%3E").message, HasSubstr("; there is token"));
  EXPECT_EQ(routed("/ws/a?since=5&token=t"), "socket:a");
  EXPECT_EQ(routed("/history/a?since=5&limit=1&token=t"), "history");
  EXPECT_EQ(routed("/publish/a?dedup=x&token=t&as=text", "POST"), "publish");
  EXPECT_EQ(routed("/connections?channel=a&user=u&limit=1&token=t"), "admin");
}

// S7: of two values one would be passed over.
TEST_F(RouterTest, RefusesAParameterThatStandsThereTwice) {
  for (const char* target : {"/ws?since=1&since=2", "/ws/a?token=a&token=b", "/history/a?limit=1&limit=1",
                             "/events/a?named=true&named=true", "/connections?user=a&user=b"}) {
    EXPECT_EQ(routed(target), "400 BAD_REQUEST") << target;
    EXPECT_THAT(refusal(target).message, HasSubstr("= stands there twice")) << target;
  }
  EXPECT_THAT(refusal("/publish/a?dedup=x&dedup=y", "POST").message, HasSubstr("dedup= stands there twice"));
  EXPECT_EQ(routed("/events/a?channel=b&channel=c"), "stream:a,b,c");
}

// F10: a body that is still packed would be published as it is.
TEST_F(RouterTest, RefusesABodyThatIsCoded) {
  Request request = request_for("/publish/a", "POST", {{"content-encoding", "gzip"}});
  auto error = std::get<HttpError>(route(request, addresses()));
  EXPECT_EQ(error.status, 415U);
  EXPECT_THAT(error.message, HasSubstr("\"gzip\""));
  EXPECT_THAT(error.headers, ElementsAre(testing::Pair("Accept-Encoding", "identity")));
  request.headers = {{"content-encoding", "identity"}, {"content-encoding", " BR"}};
  EXPECT_EQ(std::get<HttpError>(route(request, addresses())).status, 415U);
  request.headers = {{"content-encoding", "Identity"}};
  EXPECT_TRUE(std::holds_alternative<PublishTarget>(route(request, addresses())));
}

TEST_F(RouterTest, NamesTheThingThatItRefuses) {
  EXPECT_THAT(refusal("/nope").message, HasSubstr("/nope"));
  EXPECT_THAT(refusal("/ws?heartbeat=fast").message, HasSubstr("fast"));
  EXPECT_THAT(refusal("/ws?events=a+b").message, HasSubstr("a b"));
  EXPECT_THAT(refusal("/healthz", "POST").message, HasSubstr("POST"));
}

TEST_F(RouterTest, AnswersInJsonWhateverBytesTheRequestHolds) {
  for (const std::string_view target :
       {"/\xFF\xFE", "/ws?heartbeat=%FF", "/ws?events=%C3", "/ws?since=%FF\xFF", "/ws/%FF", "/ws?\xFF=%zz"}) {
    const HttpError error = refusal(target);
    EXPECT_TRUE(nlohmann::json::accept(error_response(error).body)) << error.message;
  }
  EXPECT_TRUE(nlohmann::json::accept(error_response(refusal("/ws/\xFF", "POST")).body));
}

TEST_F(RouterTest, FindsEventStreams) {
  default_channels_ = {"news"};
  EXPECT_EQ(routed("/events/market/AAPL"), "stream:market/AAPL");
  EXPECT_EQ(routed("/events/market/*", "HEAD"), "stream:market/*");
  EXPECT_EQ(routed("/events/a?channel=b&channel=c/**"), "stream:a,b,c/**");
  EXPECT_EQ(routed("/events?channel=b"), "stream:b");
  EXPECT_EQ(routed("/events"), "stream:news");
  EXPECT_EQ(routed("/events/"), "stream:news");
  EXPECT_EQ(routed("/eventsx"), "404 NOT_FOUND");
  EXPECT_EQ(routed("/events/a", "POST"), "405 METHOD_NOT_ALLOWED");
  EXPECT_EQ(routed("/events/a//b"), "400 BAD_CHANNEL");
  EXPECT_EQ(routed("/events/a?channel=b%23"), "400 BAD_CHANNEL");
  default_channels_.clear();
  EXPECT_EQ(routed("/events"), "400 BAD_CHANNEL");
}

TEST_F(RouterTest, AStreamTakesTheOptionsOfASocketAndNames) {
  const auto stream = [this](std::string_view target) {
    return std::get<EventStreamRequest>(route(request_for(target), addresses()));
  };
  EXPECT_FALSE(stream("/events/a").named);
  EXPECT_TRUE(stream("/events/a?named=true").named);
  EXPECT_FALSE(stream("/events/a?named=false").named);
  EXPECT_THAT(refusal("/events/a?named=yes").message, HasSubstr("named="));
  EXPECT_EQ(stream("/events/a?since=e:4").options.since, protocol::Since(protocol::Position{4, "e"}));
  EXPECT_TRUE(stream("/events/a?max_rate=5").options.pace.asked_for());
  EXPECT_THAT(stream("/events/a?events=x,y").options.filter->types(), ElementsAre("x", "y"));
  EXPECT_EQ(refusal("/events/a?max_rate=none").status, 400U);
}

TEST_F(RouterTest, TheLastEventIdGoesBeforeTheAddress) {
  Request request = request_for("/events/a?since=start");
  request.headers.emplace_back("last-event-id", "*e:7=a");
  const auto stream = std::get<EventStreamRequest>(route(request, addresses()));
  EXPECT_EQ(std::get<protocol::FromPositions>(stream.options.since).positions.at("a").offset, 7U);
  request.headers.back().second = "nonsense";
  EXPECT_THAT(std::get<HttpError>(route(request, addresses())).message, HasSubstr("Last-Event-ID"));
}

}  // namespace
}  // namespace wskit::server::http
