#include "common/cli/values.h"

#include <gtest/gtest.h>

#include <vector>

namespace wskit::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(ParseDuration, ReadsOneOrSeveralNumbersWithTheirUnits) {
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("5s"), 5s);
  EXPECT_EQ(*parse_duration("2m"), 2min);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(*parse_duration("2d"), 48h);
  EXPECT_EQ(*parse_duration("10us"), 10us);
  EXPECT_EQ(*parse_duration("7ns"), 7ns);
  EXPECT_EQ(*parse_duration("5S"), 5s);
}

TEST(ParseDuration, CountsABareNumberAsSeconds) {
  EXPECT_EQ(*parse_duration("3"), 3s);
  EXPECT_EQ(*parse_duration("0"), 0s);
}

TEST(ParseDuration, SaysHowToWriteIt) {
  for (const char* text : {"", "s", "5x", "1h30", "-5s", "1 s", "1e3s", "1..2s", "5s ", "nan", "."}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().message.find("250ms"), std::string::npos) << duration.error().message;
  }
  EXPECT_FALSE(parse_duration("99999999999d"));
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  const std::vector<nanoseconds> durations{0ns,    1ns, 999ns, 1500us,     250ms, 1s,
                                           1500ms, 90s, 1h,    1h + 30min, 48h,   25h + 1s};
  for (const nanoseconds duration : durations) {
    const std::string text = format_duration(duration);
    const auto again = parse_duration(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, duration) << text;
  }
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(10s), "10s");
}

TEST(ParseDurationRange, ReadsBothEnds) {
  const auto range = parse_duration_range("100ms..1m");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->from, 100ms);
  EXPECT_EQ(range->to, 1min);
  const auto one = parse_duration_range("2s");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->from, one->to);
  EXPECT_FALSE(parse_duration_range("2s..1s"));
  EXPECT_FALSE(parse_duration_range("2s.."));
  EXPECT_FALSE(parse_duration_range("..2s"));
}

TEST(ParseSize, TellsThousandsFrom1024s) {
  EXPECT_EQ(*parse_size("512"), 512U);
  EXPECT_EQ(*parse_size("512B"), 512U);
  EXPECT_EQ(*parse_size("10k"), 10'000U);
  EXPECT_EQ(*parse_size("10kB"), 10'000U);
  EXPECT_EQ(*parse_size("64KiB"), 65'536U);
  EXPECT_EQ(*parse_size("64ki"), 65'536U);
  EXPECT_EQ(*parse_size("1.5MiB"), 1'572'864U);
  EXPECT_EQ(*parse_size("2G"), 2'000'000'000U);
  for (const char* text : {"", "k", "-1", "1x", "1 k", "1kk", "1KiBB", "99999999T"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(FormatSize, IsShort) {
  EXPECT_EQ(format_size(100), "100B");
  EXPECT_EQ(format_size(1 << 20), "1MiB");
  EXPECT_EQ(format_size(65'536), "64KiB");
  EXPECT_EQ(format_size(1'500'000), "1.4MiB");
}

TEST(ParseCount, TakesWholeNumbersAndThousands) {
  EXPECT_EQ(*parse_count("0"), 0U);
  EXPECT_EQ(*parse_count("100"), 100U);
  EXPECT_EQ(*parse_count("10k"), 10'000U);
  EXPECT_EQ(*parse_count("1.5M"), 1'500'000U);
  for (const char* text : {"", "1.5", "-1", "ten", "1e3", "0x10"}) EXPECT_FALSE(parse_count(text)) << text;
}

TEST(ParseRate, CountsPerSecondOrAnyUnit) {
  EXPECT_DOUBLE_EQ(*parse_rate("100"), 100);
  EXPECT_DOUBLE_EQ(*parse_rate("2.5k"), 2500);
  EXPECT_DOUBLE_EQ(*parse_rate("100/s"), 100);
  EXPECT_DOUBLE_EQ(*parse_rate("6000/m"), 100);
  EXPECT_DOUBLE_EQ(*parse_rate("0.5"), 0.5);
  for (const char* text : {"", "0", "-1", "1/x", "1/", "/s", "k"}) EXPECT_FALSE(parse_rate(text)) << text;
}

TEST(ParseSpeed, IsAFactorOrAsFastAsItGoes) {
  EXPECT_DOUBLE_EQ(*parse_speed("60x"), 60);
  EXPECT_DOUBLE_EQ(*parse_speed("0.5x"), 0.5);
  EXPECT_DOUBLE_EQ(*parse_speed("2"), 2);
  EXPECT_EQ(*parse_speed("max"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(format_speed(*parse_speed("60x")), "60x");
  EXPECT_EQ(format_speed(*parse_speed("max")), "max");
  for (const char* text : {"", "x", "0", "0x", "-1x", "fast", "60xx", "60 x", "inf"}) {
    EXPECT_FALSE(parse_speed(text)) << text;
  }
}

// F11: whole numbers keep each digit, up to 64 bits.
TEST(ParseCount, WholeNumbersAreExact) {
  EXPECT_EQ(*parse_count("9007199254740993"), 9007199254740993U);
  EXPECT_EQ(*parse_count("9223372036854775807"), 9223372036854775807U);
  EXPECT_FALSE(parse_count("9223372036854775808"));
  EXPECT_FALSE(parse_count("99999999999999999999999"));
  EXPECT_EQ(*parse_count("9007199254740993k"), 9007199254740993000U);
  EXPECT_EQ(*parse_size("9007199254740993"), 9007199254740993U);
  EXPECT_EQ(*parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(*parse_duration("9007199254740993ns"), std::chrono::nanoseconds{9007199254740993});
  EXPECT_EQ(*parse_duration("1h0.000000001s"), 1h + 1ns);
  EXPECT_FALSE(parse_duration("100000d100000d"));
}

// F11
TEST(FormatDuration, KeepsEachDigit) {
  EXPECT_EQ(format_duration(1234567890ns), "1.23456789s");
  EXPECT_EQ(format_duration(1h + 1500ms + 1ns), "1h1.500000001s");
  EXPECT_EQ(format_duration(1234567ns), "1.234567ms");
  EXPECT_EQ(format_duration(1001ns), "1.001us");
  EXPECT_EQ(format_duration(999ns), "999ns");
}

TEST(ParseTime, TakesAMomentOrHowLongAgo) {
  const protocol::SystemMicros now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 20} + 10h};
  EXPECT_EQ(*parse_time("now", now), now);
  EXPECT_EQ(*parse_time("-5m", now), now - 5min);
  EXPECT_EQ(*parse_time("2026-11-20T10:00:00Z", now), now);
  EXPECT_EQ(*parse_time("@1700000000", now), protocol::SystemMicros{1700000000s});
  EXPECT_EQ(*parse_time("@1700000000.123", now), protocol::SystemMicros{1700000000s + 123ms});
  for (const char* text : {"", "some day", "-", "-5x", "@", "@x", "@1.2.3", "@1,5", "2026-13-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_time(text, now)) << text;
  }
}

}  // namespace
}  // namespace wskit::cli
