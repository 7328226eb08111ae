#include "wsserve/connection/pending_replies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/protocol/close_code.h"

namespace wskit::server {
namespace {

using protocol::CloseCode;
using testing::HasSubstr;

PendingReplies::Reply reply(std::string text, std::vector<PendingReplies::Event> events) {
  return {.events = std::move(events), .id = "1", .text = std::move(text)};
}

std::string text_of(const std::optional<PendingReplies::Reply>& settled) {
  return settled ? settled->text : "nothing";
}

TEST(PendingRepliesTest, RepliesComeInTheirOrderEachWhenAllOfItsEventsAreSettled) {
  PendingReplies pending;
  EXPECT_TRUE(pending.done());
  pending.add(reply("first", {{.ticket = 3}, {.ticket = 5}}));
  pending.add(reply("second", {{.ticket = 4}}));
  EXPECT_FALSE(pending.done());
  EXPECT_EQ(text_of(pending.take_settled(4)), "nothing") << "the second one is settled, and behind the first";
  EXPECT_EQ(text_of(pending.take_settled(5)), "first");
  EXPECT_TRUE(pending.has_replies());
  EXPECT_EQ(text_of(pending.take_settled(5)), "second");
  EXPECT_EQ(text_of(pending.take_settled(5)), "nothing");
  EXPECT_TRUE(pending.done());
}

TEST(PendingRepliesTest, LostEventsAreCountedAndTheFirstOnesAmongThem) {
  const std::set<broker::Ticket> lost{2, 3};
  const auto failed = [&](broker::Ticket ticket) { return lost.contains(ticket); };
  const auto counted = count_lost(reply("", {{.ticket = 1},
                                             {.ticket = 2},
                                             {.ticket = 3, .duplicate = true},
                                             {.ticket = PendingReplies::Event::kRefused}}),
                                  failed);
  EXPECT_EQ(counted.all, 3U);
  EXPECT_EQ(counted.first, 2U);
  EXPECT_EQ(not_stored(counted.all, 4).code, protocol::ErrorCode::kUnavailable);
  EXPECT_THAT(not_stored(counted.all, 4).message, HasSubstr("3 of 4 events could not be stored"));
}

TEST(PendingRepliesTest, WhatWasSentBehindACommandIsKeptUntilItsAnswer) {
  PendingReplies pending;
  pending.suspend();
  EXPECT_TRUE(pending.is_suspended());
  pending.keep_unread(std::string_view("frames"));
  pending.answered();
  EXPECT_FALSE(pending.is_suspended());
  EXPECT_FALSE(pending.done()) << "it is still to be read";
  EXPECT_EQ(pending.take_unread(), "frames");
  EXPECT_TRUE(pending.done());
}

TEST(PendingRepliesTest, ACloseIsPutOffUntilEverythingBeforeItIsAnsweredAndOnlyOnce) {
  PendingReplies pending;
  EXPECT_FALSE(pending.defer(CloseCode::kNormal, "at once")) << "nothing is waited for";
  EXPECT_FALSE(pending.will_close());
  pending.suspend();
  EXPECT_TRUE(pending.defer(CloseCode::kGoingAway, "first"));
  EXPECT_TRUE(pending.will_close());
  EXPECT_FALSE(pending.defer(CloseCode::kNormal, "second")) << "wanted twice, it is for now";
  pending.answered();
  const auto close = pending.take_close();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->code, CloseCode::kGoingAway);
  EXPECT_EQ(close->reason, "first");
  EXPECT_FALSE(pending.will_close());
}

}  // namespace
}  // namespace wskit::server
