#include "wspub/publish_command.h"

#include <gtest/gtest.h>

#include "common/protocol/command.h"
#include "common/protocol/command_text.h"

namespace wskit::pub {
namespace {

using protocol::PublishEvent;

PublishEvent event(std::string_view data) {
  PublishEvent made;
  made.channel = "c";
  made.type = "t";
  made.data = data;
  return made;
}

// What a server reads out of the command.
std::vector<std::string> parse(const std::string& text) {
  protocol::CommandParser parser;
  const auto parsed = parser.parse(text);
  if (!parsed) return {"error: " + parsed.error().error.message};
  std::vector<std::string> events{(*parsed)->batch ? "batch" : "single", std::string((*parsed)->id)};
  for (const PublishEvent& published : (*parsed)->publish) {
    std::string json;
    protocol::append_publish_event(json, published);
    events.push_back(json);
  }
  return events;
}

TEST(PublishCommand, WritesAllPartsInAFixedOrder) {
  PublishEvent full = event(R"({"x": 1})");
  full.timestamp = "2026-11-20T10:00:00Z";
  full.key = R"("k")";
  full.dedup = R"("p:1")";
  PublishCommand command;
  command.start(7, PublishCommand::Reply::kWanted);
  command.add(full, 1, {});
  command.seal();
  EXPECT_EQ(
      command.text(),
      R"({"action":"publish","id":7,"channel":"c","type":"t","timestamp":"2026-11-20T10:00:00Z","key":"k","dedup":"p:1","data":{"x": 1}})");
}

TEST(PublishCommand, ManyEventsTravelAsOneBatch) {
  PublishCommand command;
  command.start(12, PublishCommand::Reply::kWanted);
  command.add(event("1"), 5, {});
  command.add(event("[2]"), 6, {});
  command.seal();
  EXPECT_EQ(
      command.text(),
      R"({"action":"publish","id":12,"events":[{"channel":"c","type":"t","data":1},{"channel":"c","type":"t","data":[2]}]})");
  EXPECT_EQ(command.line_number(0), 5U);
  EXPECT_EQ(command.line_number(1), 6U);
}

TEST(PublishCommand, WithoutAReplyThereIsNoId) {
  PublishCommand command;
  command.start(3, PublishCommand::Reply::kNone);
  command.add(event("null"), 1, {});
  command.seal();
  EXPECT_EQ(command.text(), R"({"action":"publish","channel":"c","type":"t","data":null})");
}

TEST(PublishCommand, TheServersParserReadsBackWhatWasWritten) {
  PublishEvent full = event(R"({"big":123456789012345678901234567890,"e":"\u00e9\/"})");
  full.key = R"("a\"b")";
  full.dedup = R"("p:9")";
  std::string json;
  protocol::append_publish_event(json, full);
  PublishCommand command;
  command.start(1, PublishCommand::Reply::kWanted);
  command.add(full, 1, {});
  command.seal();
  EXPECT_EQ(parse(command.text()), (std::vector<std::string>{"single", "1", json}));
  command.start(2, PublishCommand::Reply::kWanted);
  command.add(full, 1, {});
  command.add(event("0"), 2, {});
  command.seal();
  EXPECT_EQ(parse(command.text()),
            (std::vector<std::string>{"batch", "2", json, R"({"channel":"c","type":"t","data":0})"}));
}

TEST(PublishCommand, TheSizeIsKnownBeforeSealing) {
  PublishCommand command;
  for (const int events : {1, 2, 5}) {
    command.start(1, PublishCommand::Reply::kWanted);
    for (int i = 0; i < events; ++i) command.add(event("12345"), 1, {});
    const std::size_t size = command.sealed_size();
    command.seal();
    EXPECT_EQ(command.text().size(), size) << events;
  }
}

TEST(PublishCommand, LinesOfABatchCanTravelOnInAnother) {
  PublishCommand batch;
  batch.start(1, PublishCommand::Reply::kWanted);
  batch.add(event("10"), 1, "first");
  batch.add(event("20"), 2, "");
  batch.add(event("30"), 3, "third");
  batch.seal();
  PublishCommand rest;
  rest.start(2, PublishCommand::Reply::kWanted);
  rest.add_from(batch, 0);
  rest.add_from(batch, 2);
  rest.seal();
  EXPECT_EQ(
      rest.text(),
      R"({"action":"publish","id":2,"events":[{"channel":"c","type":"t","data":10},{"channel":"c","type":"t","data":30}]})");
  EXPECT_EQ(rest.line_number(1), 3U);
  EXPECT_EQ(rest.record(0), "first");
  EXPECT_EQ(rest.record(1), "third");
  rest.start(3, PublishCommand::Reply::kWanted);
  rest.add_from(batch, 1);
  rest.seal();
  EXPECT_EQ(rest.text(), R"({"action":"publish","id":3,"channel":"c","type":"t","data":20})");
  EXPECT_EQ(rest.record(0), "");
  EXPECT_EQ(rest.first_channel(), "");
}

TEST(PublishCommand, AProducersEventsHaveSequences) {
  PublishEvent first = event("1");
  first.key = R"("k,\"sequence\":7")";
  first.sequence = 41;
  PublishEvent second = event("2");
  second.channel = "d";
  second.sequence = 42;
  PublishCommand command;
  command.start(1, PublishCommand::Reply::kWanted, R"("p")");
  command.add(first, 1, {});
  command.add(second, 2, {});
  command.seal();
  EXPECT_EQ(
      command.text(),
      R"({"action":"publish","id":1,"producer":"p","events":[{"channel":"c","type":"t","key":"k,\"sequence\":7","sequence":41,"data":1},{"channel":"d","type":"t","sequence":42,"data":2}]})");
  EXPECT_EQ(command.sequence(0), 41);
  EXPECT_EQ(command.sequence(1), 42);
  EXPECT_EQ(command.channel(0), "c");
  EXPECT_EQ(command.channel(1), "d");
}

TEST(PublishCommand, ALineCanTravelOnUnderADedupId) {
  PublishEvent one = event("1");
  one.sequence = 41;
  PublishCommand single;
  single.start(1, PublishCommand::Reply::kWanted, R"("p")");
  single.add(one, 7, "record");
  single.seal();
  EXPECT_EQ(single.sequence(0), 41);
  EXPECT_EQ(single.channel(0), "c");
  PublishCommand marked;
  marked.start(2, PublishCommand::Reply::kWanted);
  marked.add_marked(single, 0, R"("p:41")");
  marked.seal();
  EXPECT_EQ(marked.text(), R"({"action":"publish","id":2,"channel":"c","type":"t","dedup":"p:41","data":1})");
  EXPECT_EQ(marked.line_number(0), 7U);
  EXPECT_EQ(marked.record(0), "record");
}

}  // namespace
}  // namespace wskit::pub
