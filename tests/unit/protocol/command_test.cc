#include "common/protocol/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wskit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

class CommandTest : public ::testing::Test {
 protected:
  // The views of the result live until the next call.
  boost::system::result<const Command*, CommandError> parse(std::string_view text) {
    buffer_.assign(text);
    return parser_.parse(buffer_);
  }

  const Command& accept(std::string_view text) {
    auto result = parse(text);
    if (result) return **result;
    ADD_FAILURE() << text << "\n" << result.error().error.message;
    static const Command kNone;
    return kNone;
  }

  CommandError refuse(std::string_view text) {
    auto result = parse(text);
    if (!result) return result.error();
    ADD_FAILURE() << "accepted " << text;
    return {};
  }

  std::string buffer_;
  CommandParser parser_;
};

TEST_F(CommandTest, PublishIsCutIntoItsParts) {
  const Command& command = accept(
      R"({"action":"publish","id":7,"channel":"market/AAPL","type":"trade","data":{"price":150.250,"n":[1,2]}})");
  EXPECT_EQ(command.action, Action::kPublish);
  EXPECT_EQ(command.id, "7");
  EXPECT_FALSE(command.batch);
  ASSERT_EQ(command.publish.size(), 1U);
  EXPECT_EQ(command.publish[0].channel, "market/AAPL");
  EXPECT_EQ(command.publish[0].type, "trade");
  EXPECT_EQ(command.publish[0].timestamp, "");
  EXPECT_EQ(command.publish[0].data, R"({"price":150.250,"n":[1,2]})");
}

TEST_F(CommandTest, SubscribeTakesNamesAndPatterns) {
  const Command& command = accept(R"({"action":"subscribe","channels":["market/*","news"],"events":["trade"]})");
  EXPECT_THAT(command.channels, Optional(ElementsAre("market/*", "news")));
  EXPECT_THAT(command.event_types, Optional(ElementsAre("trade")));
}

TEST_F(CommandTest, InvalidJsonNamesTheByte) {
  const CommandError refused = refuse(R"({"action":"publish","id":"a","data":{"x":1,}})");
  EXPECT_EQ(refused.error.code, ErrorCode::kBadJson);
  EXPECT_EQ(refused.error.details, R"({"position":43})");
  EXPECT_EQ(refused.id, R"("a")");
}

TEST_F(CommandTest, ABatchIsRefusedAsAWhole) {
  const CommandError refused = refuse(
      R"({"action":"publish","events":[{"channel":"a","data":1},{"channel":"a/*","data":1}]})");
  EXPECT_EQ(refused.error.code, ErrorCode::kBadChannel);
  EXPECT_EQ(refused.error.details, R"({"index":1,"channel":"a/*"})");
}

}  // namespace
}  // namespace wskit::protocol
