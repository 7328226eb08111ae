#include "wsserve/http/publish_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "http_requests.h"

namespace wskit::server::http {
namespace {

using protocol::Command;
using protocol::CommandParser;
using ::testing::HasSubstr;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kLines = "application/x-ndjson";
constexpr std::string_view kText = "text/plain";

struct Posted {
  std::string target;
  std::string_view content_type;
  std::string body;
};

Request request_of(const Posted& posted) {
  Request request = request_for(posted.target, "POST", {{"content-type", std::string(posted.content_type)}});
  request.body = posted.body;
  return request;
}

// All that is said of the events.
std::string describe(const Command& command) {
  std::string text = command.batch ? "batch of " : "alone, of ";
  text += command.producer;
  for (const protocol::PublishEvent& event : command.publish) {
    text += "\n";
    for (const std::string_view part :
         {event.channel, event.type, event.timestamp, event.key, event.dedup, event.data}) {
      text.append(part).append("|");
    }
    text += std::to_string(event.sequence);
  }
  return text;
}

std::string published(const Posted& posted) {
  const Request request = request_of(posted);
  const auto publish = parse_publish_request(request, "market/AAPL");
  if (!publish) return publish.error().message;
  CommandParser parser;
  const auto command = parser.publish(publish->events, publish->producer, publish->is_batch());
  return command ? describe(**command) : at_line(command.error().error, publish->lines).message;
}

std::string commanded(std::string_view text) {
  CommandParser parser;
  const auto command = parser.parse(text);
  return command ? describe(**command) : command.error().error.message;
}

TEST(PublishRequest, IsTheSameCommandAsOneThatCameByWebSocket) {
  EXPECT_EQ(published({"/publish/market/AAPL", kJson, R"({"price":1})"}),
            commanded(R"({"action":"publish","channel":"market/AAPL","data":{"price":1}})"));
  EXPECT_EQ(
      published({"/publish/x?type=trade&key=k%22&dedup=d&timestamp=2026-11-20T10:00:00Z", kJson, "null"}),
      commanded(R"({"action":"publish","channel":"market/AAPL","type":"trade","key":"k\"","dedup":"d",)"
                R"("timestamp":"2026-11-20T10:00:00Z","data":null})"));
  EXPECT_EQ(
      published({"/publish/x?producer=p%C3%A9&sequence=7", kJson, "[1, 2]"}),
      commanded(
          R"({"action":"publish","producer":"pé","channel":"market/AAPL","sequence":7,"data":[1, 2]})"));
  EXPECT_EQ(published({"/publish/x", kText, "it is \"late\""}),
            commanded(R"({"action":"publish","channel":"market/AAPL","data":"it is \"late\""})"));
  EXPECT_EQ(published({"/publish/x?as=text", kJson, "42"}),
            commanded(R"({"action":"publish","channel":"market/AAPL","data":"42"})"));
}

TEST(PublishRequest, ALineWithDataSaysMoreThanTheQueryAndAnyOtherLineIsTheData) {
  EXPECT_EQ(published({"/publish/x?type=bar&producer=p", kLines,
                       "{\"data\":1,\"sequence\":1}\n\n{\"type\":\"trade\",\"sequence\":2,\"data\":{},"
                       "\"offset\":9,\"channel\":\"other\"}\r\n"}),
            commanded(R"({"action":"publish","producer":"p","events":[)"
                      R"({"channel":"market/AAPL","type":"bar","sequence":1,"data":1},)"
                      R"({"channel":"market/AAPL","type":"trade","sequence":2,"data":{}}]})"));
  EXPECT_EQ(published({"/publish/x?type=bar", kLines, "{\"price\":1,\"type\":\"trade\"}\n[]"}),
            commanded(R"({"action":"publish","events":[)"
                      R"({"channel":"market/AAPL","type":"bar","data":{"price":1,"type":"trade"}},)"
                      R"({"channel":"market/AAPL","type":"bar","data":[]}]})"));
  EXPECT_EQ(published({"/publish/x?as=text", kLines, "1\r\n \nit is"}),
            commanded(R"({"action":"publish","events":[{"channel":"market/AAPL","data":"1"},)"
                      R"({"channel":"market/AAPL","data":"it is"}]})"));
}

TEST(PublishRequest, AnErrorNamesTheLine) {
  EXPECT_THAT(published({"/publish/x", kLines, "{\"data\":1}\n\n{\"data\":1,\"type\":\"a b\"}\n"}),
              HasSubstr("line 3: the type \"a b\" is not valid"));
  EXPECT_THAT(published({"/publish/x", kLines, "1\n{\"data\":1,}\n"}), HasSubstr("line 2: "));
  EXPECT_THAT(published({"/publish/x", kLines, R"({"data":1,"data":2})"}),
              HasSubstr("line 1: the field \"data\" stands there twice"));
  EXPECT_THAT(published({"/publish/x", kLines, R"({"data":1,"extra":2})"}),
              HasSubstr("line 1: an event has no member \"extra\""));
  EXPECT_THAT(published({"/publish/x?producer=p", kLines, R"({"data":1,"sequence":1,"producer":"q"})"}),
              HasSubstr("line 1: \"producer\" stands beside \"events\""));
  EXPECT_THAT(published({"/publish/x?sequence=1", kLines, "1"}), HasSubstr("sequence= is of one event"));
  EXPECT_THAT(published({"/publish/x", kLines, " \n\r\n"}), HasSubstr("no line with an event"));
}

TEST(PublishRequest, CannotEndTheEventAndBeginAnother) {
  EXPECT_THAT(published({"/publish/x", kJson, R"(1},{"channel":"b","data":2)"}), HasSubstr("is not JSON"));
  EXPECT_THAT(published({"/publish/x?key=%FF", kJson, "1"}), HasSubstr("key= is not UTF-8"));
  EXPECT_THAT(published({"/publish/x?sequence=1,2&producer=p", kJson, "1"}),
              HasSubstr("\"sequence\" must be an integer"));
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(PublishRequest, TheLevelsOfTheCommandCountAsTheyDoByWebSocket) {
  const std::string alone = R"({"action":"publish","channel":"market/AAPL","data":)";
  EXPECT_EQ(published({"/publish/x", kJson, nested(511)}), commanded(alone + nested(511) + "}"));
  EXPECT_THAT(published({"/publish/x", kJson, nested(512)}),
              HasSubstr("nested more than 512 deep at byte 511"));
  EXPECT_THAT(published({"/publish/x", kText, nested(512)}), HasSubstr("nested more than 512 deep"));
  EXPECT_THAT(commanded(alone + nested(512) + "}"), HasSubstr("nested"));
  const std::string batch = R"({"action":"publish","events":[{"channel":"market/AAPL","data":)";
  EXPECT_EQ(published({"/publish/x", kLines, nested(509)}), commanded(batch + nested(509) + "}]}"));
  EXPECT_THAT(published({"/publish/x", kLines, "1\n" + nested(510)}),
              HasSubstr("line 2: arrays and objects are nested more than 512 deep"));
  EXPECT_THAT(published({"/publish/x", kLines, R"({"data":)" + nested(510) + "}"}),
              HasSubstr("nested more than"));
  EXPECT_EQ(published({"/publish/x", kJson, R"(["\"[[[", "]"])"}), commanded(alone + R"(["\"[[[", "]"]})"));
}

TEST(PublishRequest, WhiteSpaceAroundALineIsNotPartOfItsData) {
  EXPECT_EQ(
      published({"/publish/x", kLines, "{\"price\":1}\r\n  {\"price\":2}\t \n [1] \r\n"}),
      commanded(R"({"action":"publish","events":[{"channel":"market/AAPL","data":{"price":1}},)"
                R"({"channel":"market/AAPL","data":{"price":2}},{"channel":"market/AAPL","data":[1]}]})"));
}

TEST(PublishRequest, OfTooManyLinesNoneIsPublished) {
  std::string body;
  for (int i = 0; i < 50'000; ++i) body += "1\n";
  EXPECT_THAT(published({"/publish/x", kLines, body}), HasSubstr("holds more than 10000 events"));
}

}  // namespace
}  // namespace wskit::server::http
