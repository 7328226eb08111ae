#include "common/protocol/close_code.h"

#include <gtest/gtest.h>

#include <set>

namespace wskit::protocol {
namespace {

TEST(CloseCodeTest, OnlyRegisteredLibraryAndApplicationCodesMayTravel) {
  const std::set<int> registered{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014};
  for (int code = 0; code <= 0xFFFF; ++code) {
    const bool expected = registered.contains(code) || (code >= 3000 && code <= 4999);
    EXPECT_EQ(may_travel(static_cast<std::uint16_t>(code)), expected) << code;
  }
}

TEST(CloseCodeTest, AClientComesBackWhereTheCauseMayHavePassed) {
  for (const CloseCode code :
       {CloseCode::kNormal, CloseCode::kGoingAway, CloseCode::kNoStatus, CloseCode::kAbnormal,
        CloseCode::kInternalError, CloseCode::kServiceRestart, CloseCode::kTryAgainLater,
        CloseCode::kSlowConsumer, CloseCode::kHeartbeatTimeout, CloseCode::kRateLimited,
        static_cast<CloseCode>(4999), static_cast<CloseCode>(1014)}) {
    EXPECT_TRUE(should_reconnect(code)) << static_cast<int>(code);
  }
}

TEST(CloseCodeTest, AClientStaysAwayWhereTheNextConnectionWouldEndTheSameWay) {
  for (const CloseCode code :
       {CloseCode::kProtocolError, CloseCode::kUnsupportedData, CloseCode::kInvalidPayload,
        CloseCode::kPolicyViolation, CloseCode::kTooBig, CloseCode::kMandatoryExtension,
        CloseCode::kUnauthorized, CloseCode::kForbidden, CloseCode::kDisconnectedByAdministrator}) {
    EXPECT_FALSE(should_reconnect(code)) << static_cast<int>(code);
  }
}

TEST(CloseCodeTest, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  int named = 0;
  for (int code = 0; code <= 0xFFFF; ++code) {
    const std::string_view name = to_string(static_cast<CloseCode>(code));
    if (name == "unknown") continue;
    ++named;
    names.insert(name);
  }
  EXPECT_EQ(named, 19);
  EXPECT_EQ(names.size(), 19U);
  EXPECT_EQ(to_string(CloseCode::kSlowConsumer), "slow consumer");
}

}  // namespace
}  // namespace wskit::protocol
