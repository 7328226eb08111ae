#include "wsserve/connection/pending_replies.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/close_code.h"

namespace wskit::server {
namespace {

using protocol::CloseCode;

PublishedReply reply(std::string_view id, const std::vector<broker::Ticket>& tickets) {
  PublishedReply made(id, "2026-01-01T00:00:00Z", true, std::vector<protocol::Published>(tickets.size()));
  for (std::size_t i = 0; i < tickets.size(); ++i) made.events[i].ticket = tickets[i];
  return made;
}

std::string id_of(const std::optional<PublishedReply>& settled) { return settled ? settled->id : "nothing"; }

TEST(PendingRepliesTest, RepliesComeInTheirOrderEachWhenAllOfItsEventsAreSettled) {
  PendingReplies pending;
  EXPECT_TRUE(pending.done());
  pending.add(reply("first", {3, 5}));
  pending.add(reply("second", {4}));
  EXPECT_FALSE(pending.done());
  EXPECT_EQ(id_of(pending.take_settled(4)), "nothing") << "the second one is settled, and behind the first";
  EXPECT_EQ(id_of(pending.take_settled(5)), "first");
  EXPECT_TRUE(pending.has_replies());
  EXPECT_EQ(id_of(pending.take_settled(5)), "second");
  EXPECT_EQ(id_of(pending.take_settled(5)), "nothing");
  EXPECT_TRUE(pending.done());
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
