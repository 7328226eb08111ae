#include "wspub/unix_time.h"

#include <gtest/gtest.h>

#include <string>

namespace wskit::pub {
namespace {

std::string text(std::string_view number) {
  const auto time = parse_unix_time(number);
  return time ? std::string(protocol::Timestamp(*time).text()) : "none";
}

TEST(UnixTime, SecondsWithAnyFraction) {
  EXPECT_EQ(text("0"), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text("1618677817"), "2021-04-17T16:43:37.000000Z");
  EXPECT_EQ(text("1618677817.061845"), "2021-04-17T16:43:37.061845Z");
  EXPECT_EQ(text("1618677817.0618459999"), "2021-04-17T16:43:37.061845Z");
  EXPECT_EQ(text("-1.5"), "1969-12-31T23:59:58.500000Z");
}

TEST(UnixTime, LargerNumbersAreMilliMicroAndNanoseconds) {
  EXPECT_EQ(text("1633998512068"), "2021-10-12T00:28:32.068000Z");
  EXPECT_EQ(text("1633998512068.25"), "2021-10-12T00:28:32.068250Z");
  EXPECT_EQ(text("1633998512068123"), "2021-10-12T00:28:32.068123Z");
  EXPECT_EQ(text("1633998512068123456"), "2021-10-12T00:28:32.068123Z");
}

// F11: a double would take them for the next unit, or lose their last digits.
TEST(UnixTime, NineteenDigitsAreExact) {
  EXPECT_EQ(text("1545913818099033999"), "2018-12-27T12:30:18.099033Z");
  EXPECT_EQ(text("99999999999999999"), "5138-11-16T09:46:39.999999Z") << "microseconds to the last one";
  EXPECT_EQ(text("99999999999999"), "5138-11-16T09:46:39.999000Z");
  EXPECT_EQ(text("9999999999999999999"), "2286-11-20T17:46:39.999999Z") << "past 2^63";
}

// Past the year 2262 nanoseconds do not fit 63 bits, and past 2554 not 64.
TEST(UnixTime, NanosecondsAreExactToTheYear9999) {
  EXPECT_EQ(text("9223372036854775807"), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(text("9223372036854775808.5"), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(text("18446744073709551617"), "2554-07-21T23:34:33.709551Z");
  EXPECT_EQ(text("99999999999999999999"), "5138-11-16T09:46:39.999999Z");
  EXPECT_EQ(text("253402300799999999999"), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(text("253402300800000000000"), "none");
  EXPECT_EQ(text("-100000000000000001"), "1966-10-31T14:13:20.000000Z");
}

TEST(UnixTime, NumbersWithAnExponent) {
  EXPECT_EQ(text("1.545913818099033203e18"), "2018-12-27T12:30:18.099033Z");
  EXPECT_EQ(text("15459138180990332039E-1"), "2018-12-27T12:30:18.099033Z");
  EXPECT_EQ(text("1618677817061845e-6"), "2021-04-17T16:43:37.061845Z");
  EXPECT_EQ(text("1e+9"), "2001-09-09T01:46:40.000000Z");
  EXPECT_EQ(text("1e-999999999999999999999"), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text("1.618677817e9"), "2021-04-17T16:43:37.000000Z");
  EXPECT_EQ(text("1.633998512068e12"), "2021-10-12T00:28:32.068000Z");
  EXPECT_EQ(text("0e0"), "1970-01-01T00:00:00.000000Z");
}

TEST(UnixTime, WhatNoCalendarCanSayIsNoTime) {
  EXPECT_EQ(text("1e300"), "none");
  EXPECT_EQ(text("1e999"), "none");
  EXPECT_EQ(text("1e99999999999999999999"), "none");
  EXPECT_EQ(text("-99999999999"), "none");
  EXPECT_EQ(text("1e22"), "none");
  for (const char* no_number : {"", ".", "-", "1.", ".5", "1.2.3", "1e", "1e+-5", "x", "1x"}) {
    EXPECT_EQ(text(no_number), "none") << no_number;
  }
}

}  // namespace
}  // namespace wskit::pub
