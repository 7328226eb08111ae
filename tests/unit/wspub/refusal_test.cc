#include "wspub/refusal.h"

#include <gtest/gtest.h>

namespace wskit::pub {
namespace {

Refusal refusal(std::string_view code, std::string_view details) {
  return read_refusal({.code = code, .message = "m", .details = details});
}

TEST(Refusal, NamesTheEventOfTheBatchAndTheOldestSequence) {
  const Refusal refused = refusal("BAD_EVENT", R"({"index":4,"sequence":7,"oldest":9,"channel":"x"})");
  EXPECT_EQ(refused.index, 4U);
  EXPECT_EQ(refused.oldest, 9);
  EXPECT_FALSE(refused.is_transient());
  EXPECT_EQ(refusal("BAD_EVENT", R"({"oldest":9})").oldest, std::nullopt) << "it is of no sequence";
}

TEST(Refusal, SaysHowLongToWaitButNotForever) {
  using namespace std::chrono_literals;
  EXPECT_EQ(refusal("RATE_LIMITED", R"({"retry_after":0.25})").retry_after, 250ms);
  EXPECT_EQ(refusal("RATE_LIMITED", R"({"retry_after":1e9})").retry_after, 1h);
  EXPECT_EQ(refusal("RATE_LIMITED", R"({"retry_after":-1})").retry_after, std::nullopt);
  EXPECT_TRUE(refusal("RATE_LIMITED", "").is_transient());
  EXPECT_TRUE(refusal("UNAVAILABLE", "").is_transient());
}

TEST(Refusal, MayHaveNoDetails) {
  const Refusal refused = refusal("FORBIDDEN", "");
  EXPECT_EQ(refused.code, "FORBIDDEN");
  EXPECT_EQ(refused.message, "m");
  EXPECT_EQ(refused.index, std::nullopt);
  EXPECT_EQ(refused.retry_after, std::nullopt);
}

}  // namespace
}  // namespace wskit::pub
