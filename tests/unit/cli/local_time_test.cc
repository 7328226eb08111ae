#include "common/cli/local_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

namespace wskit::cli {
namespace {

using protocol::parse_timestamp;
using protocol::SystemMicros;
using ::testing::HasSubstr;

// In a zone an hour or two before UTC, whose summer begins on 2026-03-29.
class LocalTimeTest : public ::testing::Test {
 protected:
  LocalTimeTest() { set_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  ~LocalTimeTest() override {
    if (had_zone_) {
      set_zone(zone_.c_str());
    } else {
      unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
      tzset();
    }
  }
  LocalTimeTest(const LocalTimeTest&) = delete;
  LocalTimeTest& operator=(const LocalTimeTest&) = delete;

  static void set_zone(const char* zone) {
    setenv("TZ", zone, 1);  // NOLINT(concurrency-mt-unsafe)
    tzset();
  }

  // What the text means, in UTC; the reason where it means nothing.
  std::string utc(std::string_view text) {
    if (!looks_like_local_time(text)) return "no local time";
    const ValueResult<SystemMicros> time = parse_local_time(text, now_);
    return time ? std::string(protocol::Timestamp(*time).text()) : time.error().message;
  }

  // Half an hour past midnight here, and still the day before in UTC.
  const SystemMicros now_ = parse_timestamp("2026-11-19T23:30:00Z").value();

 private:
  const char* before_ = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe)
  bool had_zone_ = before_ != nullptr;
  std::string zone_ = had_zone_ ? before_ : "";
};

// F3: times as journalctl --since takes them.
TEST_F(LocalTimeTest, TimesWithoutAZoneAreOfThisMachines) {
  EXPECT_EQ(utc("09:30"), "2026-11-20T08:30:00.000000Z") << "of today, by the clock on the wall";
  EXPECT_EQ(utc("9:30"), "2026-11-20T08:30:00.000000Z");
  EXPECT_EQ(utc("17:00:01.25"), "2026-11-20T16:00:01.250000Z");
  EXPECT_EQ(utc("2026-11-29"), "2026-11-28T23:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-29T10:00:00"), "2026-11-29T09:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-29 10:00"), "2026-11-29T09:00:00.000000Z");
  EXPECT_EQ(utc("2026-07-01 10:00"), "2026-07-01T08:00:00.000000Z") << "in summer";
  EXPECT_EQ(utc("today"), "2026-11-19T23:00:00.000000Z");
  EXPECT_EQ(utc("yesterday"), "2026-11-18T23:00:00.000000Z");
  EXPECT_EQ(utc("yesterday 09:30"), "2026-11-19T08:30:00.000000Z");
  EXPECT_EQ(utc("tomorrow 09:30"), "2026-11-21T08:30:00.000000Z");
}

TEST_F(LocalTimeTest, AZoneThatIsNamedHolds) {
  EXPECT_EQ(utc("2026-11-29 10:00:00Z"), "2026-11-29T10:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-29 10:00 UTC"), "2026-11-29T10:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-29T10:00-05:00"), "2026-11-29T15:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-29Z"), "2026-11-29T00:00:00.000000Z");
  EXPECT_EQ(utc("09:30Z"), "2026-11-19T09:30:00.000000Z") << "of the day that it is there";
}

TEST_F(LocalTimeTest, WhatIsNoTimeIsRefusedWithTheForms) {
  for (const char* text : {"25:00", "12:60", "09:30x", "2026-02-30", "2026-13-01", "2026-11-29T",
                           "2026-11-29 x", "2026-11-29T24:00", "09:3", "2026-11-29 10:00 MARS", "yesterday 9",
                           "12:345", "10:00:61", "2026-11-29x10:00"}) {
    const std::string answer = utc(text);
    EXPECT_TRUE(answer == "no local time" || answer.find("write a time of day (09:30)") != std::string::npos)
        << text << ": " << answer;
  }
  EXPECT_THAT(utc("2026-02-30"), HasSubstr("names a day that is in no calendar"));
}

TEST_F(LocalTimeTest, OtherPositionsAreNoLocalTimes) {
  for (const char* text : {"start", "now", "42", "-100", "-5m", "@1700000000", "5qkp2sk9:42", "e1:42",
                           "123:45", "2026", "todays", "*@1*e:1=a"}) {
    EXPECT_FALSE(looks_like_local_time(text)) << text;
  }
}

TEST_F(LocalTimeTest, IsWrittenSoThatItCanBeReadBack) {
  const auto written = [](std::string_view text) { return format_local_time(parse_timestamp(text).value()); };
  EXPECT_EQ(written("2026-11-20T10:00:00Z"), "2026-11-20T11:00:00+01:00");
  EXPECT_EQ(written("2026-07-20T22:30:00.250Z"), "2026-07-21T00:30:00.25+02:00");
  set_zone("NFT+3:30");
  EXPECT_EQ(written("2026-11-20T10:00:00Z"), "2026-11-20T06:30:00-03:30");
}

}  // namespace
}  // namespace wskit::cli
