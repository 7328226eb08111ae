#include "common/protocol/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace wskit::protocol {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year;
using ::testing::HasSubstr;

std::string text_of(SystemMicros time) { return std::string(Timestamp(time).text()); }

// The moment that a text says, written again; or the refusal.
std::string normal(std::string_view text) {
  const Result<SystemMicros> time = parse_timestamp(text);
  if (time) return text_of(*time);
  EXPECT_EQ(time.error().code, ErrorCode::kBadEvent);
  return time.error().message;
}

TEST(TimestampTest, WritesUtcWithMicroseconds) {
  const SystemMicros time = sys_days(year{2026} / 11 / 20) + hours{10} + microseconds{123'456};
  EXPECT_EQ(text_of(time), "2026-11-20T10:00:00.123456Z");
  EXPECT_EQ(text_of(SystemMicros{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text_of(SystemMicros{microseconds{-1}}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(text_of(sys_days(year{2024} / 2 / 29)), "2024-02-29T00:00:00.000000Z");
  EXPECT_EQ(text_of(sys_days(year{1} / 1 / 1)), "0001-01-01T00:00:00.000000Z");
}

TEST(TimestampTest, WritesTheNearestMomentThatFourDigitsCanSay) {
  EXPECT_EQ(text_of(SystemMicros::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(text_of(SystemMicros::min()), "0000-01-01T00:00:00.000000Z");
}

TEST(TimestampTest, NowIsBetweenBeforeAndAfter) {
  const auto before = std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  const Timestamp now = Timestamp::now();
  const auto after = std::chrono::system_clock::now();
  const SystemMicros time = parse_timestamp(now.text()).value();
  EXPECT_GE(time, before);
  EXPECT_LE(time, after);
}

TEST(TimestampWriterTest, WritesTheSameAsATimestampInAnyOrder) {
  std::mt19937_64 random(1);
  TimestampWriter writer;
  SystemMicros time = sys_days(year{2026} / 12 / 31) + hours{23} + minutes{59} + seconds{58};
  for (int i = 0; i < 20'000; ++i) {
    time += microseconds{static_cast<std::int64_t>(random() % 2'000'000) - 500'000};
    ASSERT_EQ(writer.write(time), Timestamp(time).text());
  }
}

TEST(TimestampWriterTest, TheFirstMomentMayBeAny) {
  for (const SystemMicros time : {SystemMicros{}, SystemMicros{microseconds{-1}}, SystemMicros{seconds{-1}},
                                  SystemMicros::min(), SystemMicros::max()}) {
    EXPECT_EQ(TimestampWriter().write(time), Timestamp(time).text());
  }
}

TEST(ParseTimestampTest, ReadsWhatIsWritten) {
  std::mt19937_64 random(2);
  const std::int64_t first = sys_days(year{0} / 1 / 1).time_since_epoch() / microseconds{1};
  const std::int64_t last = sys_days(year{10000} / 1 / 1).time_since_epoch() / microseconds{1};
  for (int i = 0; i < 20'000; ++i) {
    const auto range = static_cast<std::uint64_t>(last - first);
    const SystemMicros time{microseconds{first + static_cast<std::int64_t>(random() % range)}};
    ASSERT_EQ(parse_timestamp(text_of(time)).value(), time);
  }
}

TEST(ParseTimestampTest, ReadsFractionsOfAnyLength) {
  EXPECT_EQ(normal("2026-11-20T10:00:00Z"), "2026-11-20T10:00:00.000000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.1Z"), "2026-11-20T10:00:00.100000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.12Z"), "2026-11-20T10:00:00.120000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.123Z"), "2026-11-20T10:00:00.123000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.123456Z"), "2026-11-20T10:00:00.123456Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.1234567Z"), "2026-11-20T10:00:00.123456Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.999999999Z"), "2026-11-20T10:00:00.999999Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00.000001" + std::string(1000, '9') + "Z"),
            "2026-11-20T10:00:00.000001Z");
}

TEST(ParseTimestampTest, ReadsOffsets) {
  EXPECT_EQ(normal("2026-11-20T10:00:00+01:30"), "2026-11-20T08:30:00.000000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00-05:00"), "2026-11-20T15:00:00.000000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00-00:00"), "2026-11-20T10:00:00.000000Z");
  EXPECT_EQ(normal("2026-11-20T10:00:00+00:00"), "2026-11-20T10:00:00.000000Z");
  EXPECT_EQ(normal("2026-12-31T23:30:00.5-01:00"), "2027-01-01T00:30:00.500000Z");
  EXPECT_EQ(normal("2024-03-01T00:30:00+23:59"), "2024-02-29T00:31:00.000000Z");
}

TEST(ParseTimestampTest, ReadsSmallLetters) {
  EXPECT_EQ(normal("2026-11-20t10:00:00z"), "2026-11-20T10:00:00.000000Z");
  EXPECT_EQ(normal("2026-11-20t10:00:00.5z"), "2026-11-20T10:00:00.500000Z");
}

TEST(ParseTimestampTest, KnowsLeapYears) {
  EXPECT_EQ(normal("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000000Z");
  EXPECT_EQ(normal("2000-02-29T00:00:00Z"), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(normal("0000-02-29T00:00:00Z"), "0000-02-29T00:00:00.000000Z");
  EXPECT_THAT(normal("2026-02-29T00:00:00Z"), HasSubstr("the month does not have"));
  EXPECT_THAT(normal("1900-02-29T00:00:00Z"), HasSubstr("the month does not have"));
  EXPECT_THAT(normal("2100-02-29T00:00:00Z"), HasSubstr("the month does not have"));
}

TEST(ParseTimestampTest, KnowsTheDaysOfEachMonth) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    for (int day = 0; day <= 32; ++day) {
      const auto two = [](int number) {
        return std::string(number < 10 ? "0" : "") + std::to_string(number);
      };
      const std::string text = "2026-" + two(month) + "-" + two(day) + "T00:00:00Z";
      const bool exists = day >= 1 && day <= kDays[static_cast<std::size_t>(month - 1)];
      EXPECT_EQ(static_cast<bool>(parse_timestamp(text)), exists) << text;
    }
  }
}

TEST(ParseTimestampTest, TakesALeapSecondOnlyWhereOneCanBe) {
  EXPECT_EQ(normal("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000000Z");
  EXPECT_EQ(normal("2015-06-30T23:59:60.5Z"), "2015-07-01T00:00:00.500000Z");
  EXPECT_EQ(normal("1990-12-31T15:59:60-08:00"), "1991-01-01T00:00:00.000000Z");
  EXPECT_THAT(normal("2016-12-31T23:58:60Z"), HasSubstr("leap second"));
  EXPECT_THAT(normal("2016-12-30T23:59:60Z"), HasSubstr("leap second"));
  EXPECT_THAT(normal("2016-12-31T23:59:60-08:00"), HasSubstr("leap second"));
  EXPECT_THAT(normal("2016-12-31T23:59:61Z"), HasSubstr("cannot be read"));
}

TEST(ParseTimestampTest, RefusesWhatIsNoDateTime) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026",
                                      "2026-11-20",
                                      "10:00:00Z",
                                      "2026-11-20T10:00:00",
                                      "2026-11-20 10:00:00Z",
                                      "2026-11-20T10:00Z",
                                      "2026-11-20T10:00:00.Z",
                                      "2026-11-20T10:00:00,5Z",
                                      "2026-11-20T10:00:00+0100",
                                      "2026-11-20T10:00:00+01",
                                      "2026-11-20T10:00:00+24:00",
                                      "2026-11-20T10:00:00+01:60",
                                      "2026-11-20T10:00:00 Z",
                                      "2026-11-20T10:00:00ZZ",
                                      "2026-11-20T10:00:00Z ",
                                      " 2026-11-20T10:00:00Z",
                                      "2026-00-20T10:00:00Z",
                                      "2026-13-20T10:00:00Z",
                                      "2026-11-20T24:00:00Z",
                                      "2026-11-20T10:60:00Z",
                                      "2026-1-20T10:00:00Z",
                                      "26-11-20T10:00:00Z",
                                      "+2026-11-20T10:00:00Z",
                                      "-2026-11-20T10:00:00Z",
                                      "12026-11-20T10:00:00Z",
                                      "2026/11/20T10:00:00Z",
                                      "20261120T100000Z",
                                      "2026-W47-5T10:00:00Z",
                                      "2026-11-20T1O:00:00Z",
                                      "1795168800",
                                      "2026-11-20T10:00:00Z\"",
                                      "2026-11-20T10:00:00\u221201:00"}) {
    EXPECT_THAT(normal(text), HasSubstr("cannot be read")) << text;
  }
  EXPECT_THAT(normal(std::string_view("2026-11-20T10:00:00Z\0", 21)), HasSubstr("cannot be read"));
}

TEST(ParseTimestampTest, RefusesATextThatIsCutOffAnywhere) {
  const std::string text = "2026-11-20T10:00:00.5+01:00";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_timestamp(std::string_view(text).substr(0, size))) << text.substr(0, size);
  }
}

}  // namespace
}  // namespace wskit::protocol
