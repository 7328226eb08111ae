#include "wsserve/connection/published_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace wskit::server {
namespace {

using broker::Outcome;
using broker::Ticket;
using testing::HasSubstr;

class PublishedReplyTest : public testing::Test {
 protected:
  PublishedReplyTest() : reply_("7", "2026-01-01T00:00:00.000000Z", true, published()) {}

  // Of one event the offset is not known yet.
  static std::vector<protocol::Published> published() {
    return {{.channel = "a", .offset = 4, .epoch = "E1", .duplicate = false},
            {.channel = "channel/b", .offset = 0, .epoch = "E2", .duplicate = false},
            {.channel = "c", .offset = 9, .epoch = "E3", .duplicate = true}};
  }
  [[nodiscard]] SettledReply settled() const {
    return {reply_, [this](Ticket ticket) { return outcomes_.at(ticket); }};
  }

  PublishedReply reply_;
  std::map<Ticket, Outcome> outcomes_;
};

TEST_F(PublishedReplyTest, WithNothingToAwaitItIsWhatWasPublished) {
  EXPECT_TRUE(reply_.is_settled(0));
  std::string text;
  settled().append_to(text);
  std::string expected;
  const std::vector<protocol::Published> events = published();
  protocol::append_reply(expected, "7", "2026-01-01T00:00:00.000000Z",
                         protocol::PublishedAll{.events = events, .batch = true});
  EXPECT_EQ(text, expected);
}

TEST_F(PublishedReplyTest, TellsTheOffsetAndEpochThatTheBrokerToldLater) {
  reply_.events[1].ticket = 3;
  outcomes_[3] = {.offset = 12, .epoch = "E7"};
  EXPECT_FALSE(reply_.is_settled(2));
  EXPECT_TRUE(reply_.is_settled(3));
  std::string text;
  settled().append_data_to(text);
  std::vector<protocol::Published> expected = published();
  expected[1].offset = 12;
  expected[1].epoch = "E7";
  std::string data;
  protocol::append_reply_data(data, protocol::PublishedAll{.events = expected, .batch = true});
  EXPECT_EQ(text, data);
}

TEST_F(PublishedReplyTest, TellsADuplicateThatTheBrokerFoundLater) {
  reply_.events[1].ticket = 3;
  reply_.events[2].ticket = 4;
  outcomes_[3] = {.duplicate = true, .offset = 2};
  outcomes_[4] = {};
  EXPECT_EQ(settled().late_duplicates(), 1U) << "the other one was known to be a duplicate";
  EXPECT_EQ(settled().lost(), 0U);
  std::string text;
  settled().append_data_to(text);
  EXPECT_THAT(text, HasSubstr(R"("channel":"channel/b","offset":2,"epoch":"E2","duplicate":true)"));
}

TEST_F(PublishedReplyTest, LostEventsAreCountedAndTheFirstOnesAmongThem) {
  const PublishedReply::Event event = reply_.events[0];
  reply_.events.assign(4, event);
  reply_.names = "aE1aE1aE1aE1";
  for (std::size_t i = 0; i < 3; ++i) reply_.events[i].ticket = i + 1;
  reply_.events[2].duplicate = true;
  reply_.events[3].refused = true;
  outcomes_[1] = {};
  outcomes_[2] = outcomes_[3] = {.lost = true};
  EXPECT_EQ(settled().lost(), 3U);
  EXPECT_EQ(settled().lost_first(), 2U);
  EXPECT_EQ(settled().not_stored().code, protocol::ErrorCode::kUnavailable);
  EXPECT_THAT(settled().not_stored().message, HasSubstr("3 of 4 events could not be stored"));
}

}  // namespace
}  // namespace wskit::server
