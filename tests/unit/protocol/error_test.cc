#include "common/protocol/error.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

namespace wskit::protocol {
namespace {

TEST(ErrorTest, CodesHaveTheirNamesOnTheWire) {
  constexpr std::array<std::string_view, 12> kNames{
      "BAD_JSON",  "BAD_COMMAND", "BAD_CHANNEL",       "BAD_EVENT",    "UNAUTHORIZED", "FORBIDDEN",
      "NOT_FOUND", "TOO_LARGE",   "TOO_MANY_CHANNELS", "RATE_LIMITED", "UNAVAILABLE",  "INTERNAL"};
  for (std::size_t i = 0; i < kNames.size(); ++i) EXPECT_EQ(to_string(static_cast<ErrorCode>(i)), kNames[i]);
}

TEST(ErrorTest, TheValueOfAFailedResultIsALogicError) {
  const Result<int> failed = Error{ErrorCode::kBadJson, "why", ""};
  EXPECT_THROW((void)failed.value(), std::logic_error);
}

TEST(ErrorTest, AnErrorInABatchSaysWhichEventItIs) {
  const Error plain{ErrorCode::kBadEvent, "why", ""};
  EXPECT_EQ(index_of(plain), std::nullopt);
  const Error placed = at_index(plain, 12);
  EXPECT_EQ(placed.message, "event 12 of the batch: why");
  EXPECT_EQ(placed.details, R"({"index":12})");
  EXPECT_EQ(index_of(placed), 12U);
  EXPECT_EQ(at_index({ErrorCode::kBadChannel, "why", R"({"channel":"a"})"}, 0).details,
            R"({"index":0,"channel":"a"})");
}

}  // namespace
}  // namespace wskit::protocol
