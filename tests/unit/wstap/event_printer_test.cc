#include "wstap/event_printer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace wskit::tap {
namespace {

// NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
[[maybe_unused]] const int kUnicode = setenv("LC_ALL", "C.UTF-8", 1);

constexpr std::string_view kDate = "2026-11-20  (times are UTC)\n";

constexpr std::string_view kTrade =
    R"({"type":"trade","channel":"m/A","offset":1,"timestamp":"2026-11-20T10:00:00.123456Z","data":{ "price": 1.0 }})";

class EventPrinterTest : public ::testing::Test {
 protected:
  std::string print(EventPrinter& printer, std::string_view text) {
    std::string storage;
    const auto event = protocol::decode_event(text, storage);
    EXPECT_TRUE(event);
    std::string out;
    if (event) printer.print(*event, text, out);
    return out;
  }

  static std::string event(std::string_view type, std::string_view data,
                           std::string_view time = "2026-11-20T10:00:00Z") {
    return R"({"type":")" + std::string(type) + R"(","channel":"run/1","offset":1,"timestamp":")" +
           std::string(time) + R"(","data":)" + std::string(data) + "}";
  }
};

TEST_F(EventPrinterTest, JsonIsTheEventAsItCame) {
  EventPrinter printer(Format::kJson, {});
  EXPECT_EQ(print(printer, kTrade), std::string(kTrade) + "\n");
}

TEST_F(EventPrinterTest, DataIsByteForByte) {
  EventPrinter printer(Format::kData, {});
  EXPECT_EQ(print(printer, kTrade), "{ \"price\": 1.0 }\n");
}

// F1: a line break in an event would begin a record that nobody published.
TEST_F(EventPrinterTest, AnEventIsOneLineHoweverItWasWritten) {
  const std::string text = event("order", "{\"x\":\n{\"channel\":\"market/AAPL\"}\r\n}");
  EventPrinter json(Format::kJson, {});
  EXPECT_EQ(print(json, text), event("order", "{\"x\": {\"channel\":\"market/AAPL\"}  }") + "\n");
  EventPrinter data(Format::kData, {});
  EXPECT_EQ(print(data, text), "{\"x\": {\"channel\":\"market/AAPL\"}  }\n");
}

TEST_F(EventPrinterTest, NoneIsNothing) {
  EventPrinter printer(Format::kNone, {});
  EXPECT_EQ(print(printer, kTrade), "");
}

TEST_F(EventPrinterTest, PrettyIsAnAlignedLineWithoutEscapesOnAPipe) {
  EventPrinter printer(Format::kPretty, {.utc = true});
  EXPECT_EQ(print(printer, kTrade), "10:00:00.123  m/A           trade     @ 1.0\n");
}

TEST_F(EventPrinterTest, PrettyIsReadInTheOrderOfItsBytes) {
  EventPrinter printer(Format::kPretty, {.utc = true});
  const std::string line =
      print(printer,
            "{\"type\":\"trade\",\"channel\":\"m/\u202eA\",\"offset\":1,"
            "\"timestamp\":\"2026-11-20T10:00:00Z\",\"data\":{\"side\":\"\u202eLLES\"}}");
  EXPECT_EQ(line.find("\u202e"), std::string::npos) << line;
  EXPECT_NE(line.find("LLES"), std::string::npos) << line;
}

TEST_F(EventPrinterTest, PrettyFitsTheTerminal) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 20, .utc = true});
  EXPECT_EQ(print(printer, kTrade), "2026-11-20  (times …\n10:00:00  m/A      …\n");
}

TEST_F(EventPrinterTest, ANumberThatWasCutDoesNotLookWhole) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 43, .utc = true});
  EXPECT_EQ(print(printer, event("fill", R"({"id":28023456})")),
            std::string(kDate) + "10:00:00  run/1         fill      id=28023…\n");
}

TEST_F(EventPrinterTest, ColumnsGrowWithWhatTheyHold) {
  EventPrinter printer(Format::kPretty, {.utc = true});
  print(printer, event("a_rather_long_type", "1"));
  EXPECT_EQ(print(printer, kTrade), "10:00:00.123  m/A           trade               @ 1.0\n");
}

TEST_F(EventPrinterTest, ProgressIsALiveBarOnATerminal) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .bars = Bars::kAll, .width = 80, .utc = true});
  EXPECT_EQ(print(printer, event("progress", R"({"current":1,"total":4})")), "");
  std::string out;
  printer.show_live(out);
  EXPECT_EQ(out, "run/1                    ██████░░░░░░░░░░░░░░░░░░  25% 1/4\n");
  out.clear();
  printer.show_live(out);
  EXPECT_EQ(out, "") << "it is there already";
  // The next line takes the bar's place, and the bar follows below.
  const std::string line = print(printer, kTrade);
  EXPECT_TRUE(line.starts_with("\x1b[1A\r\x1b[J2026-11-20  (times are UTC)\n10:00:00  m/A ")) << line;
  out.clear();
  printer.show_live(out);
  EXPECT_TRUE(out.starts_with("run/1 ")) << out;
  out.clear();
  printer.hide_live(out);
  EXPECT_EQ(out, "\x1b[1A\r\x1b[J");
}

TEST_F(EventPrinterTest, ABarStaysWhenItsWorkIsDone) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .bars = Bars::kAll, .width = 80, .utc = true});
  print(printer, event("progress", R"({"current":3,"total":4})"));
  const std::string end = print(printer, event("session_completed", "{}"));
  EXPECT_NE(end.find("75% 3/4\n2026-11-20"), std::string::npos) << end;
  std::string out;
  printer.show_live(out);
  EXPECT_EQ(out, "");
}

TEST_F(EventPrinterTest, ProgressIsALineWhereBarsAreNotWelcome) {
  EventPrinter printer(Format::kPretty, {.utc = true});
  EXPECT_EQ(print(printer, event("progress", R"({"current":1,"total":4})")),
            "10:00:00.000  run/1         progress  current=1 total=4\n");
}

// U16: without escape sequences there is still a bar, in the last line.
TEST_F(EventPrinterTest, ABarNeedsNoColour) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .bars = Bars::kOne, .width = 80, .utc = true});
  print(printer, event("progress", R"({"current":1,"total":4})"));
  std::string out;
  printer.show_live(out);
  EXPECT_EQ(out, "run/1                    ██████░░░░░░░░░░░░░░░░░░  25% 1/4");
  const std::string line = print(printer, kTrade);
  EXPECT_TRUE(line.starts_with("\r" + std::string(58, ' ') + "\r2026-11-20")) << line;
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  out.clear();
  printer.leave_live(out);
  EXPECT_TRUE(out.ends_with(" 25% 1/4\n")) << out;
}

// U16
TEST_F(EventPrinterTest, ABarIsAsciiWhereTheLocaleIs) {
  setenv("LC_ALL", "C", 1);  // NOLINT(concurrency-mt-unsafe)
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .bars = Bars::kAll, .width = 80, .utc = true});
  print(printer, event("progress", R"({"current":1,"total":4})"));
  std::string out;
  printer.show_live(out);
  setenv("LC_ALL", "C.UTF-8", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(out, "run/1                    ######..................  25% 1/4\n");
}

// U9: the date where it changes, and the zone once.
TEST_F(EventPrinterTest, TheDateIsSaidWhereItChanges) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 120, .utc = true});
  EXPECT_EQ(print(printer, event("t", "1", "2026-11-20T23:59:59.5Z")),
            "2026-11-20  (times are UTC)\n23:59:59.500  run/1         t         1\n");
  EXPECT_EQ(print(printer, event("t", "1", "2026-11-21T01:00:00+01:00")),
            "2026-11-21\n00:00:00.000  run/1         t         1\n");
  EXPECT_EQ(print(printer, event("t", "1", "2026-11-21T00:00:01Z")),
            "00:00:01.000  run/1         t         1\n");
}

// U9
TEST_F(EventPrinterTest, TimesAreOfThisMachinesZone) {
  const char* before = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe)
  const std::string zone = before != nullptr ? before : "UTC0";
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  // NOLINT(concurrency-mt-unsafe)
  tzset();
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 120});
  EXPECT_EQ(print(printer, event("t", "1", "2026-10-24T22:30:00Z")),
            "2026-10-25  (times are local, +02:00)\n00:30:00.000  run/1         t         1\n");
  EXPECT_EQ(print(printer, event("t", "1", "2026-10-25T01:30:00Z")),
            "2026-10-25  (times are local, +01:00)\n02:30:00.000  run/1         t         1\n");
  setenv("TZ", zone.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  tzset();
}

// U10: at 80 columns, with names as long as they are.
TEST_F(EventPrinterTest, WhatMattersIsSeenAtEightyColumns) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 80, .utc = true});
  const std::string line = print(
      printer, R"({"type":"position_closed","channel":"backtest/2026-11-20-btc-usd-42","offset":1,)"
               R"("timestamp":"2026-11-20T10:00:00.123456Z","data":{"symbol":"BTC-USD","side":"long",)"
               R"("quantity":0.12345678,"entry_price":64250.12,"exit_price":63500.25,"pnl":-92.57812345}})");
  EXPECT_NE(line.find("…20-btc-usd-42  position_closed  pnl -92.57812345 LONG"), std::string::npos) << line;
}

// U10
TEST_F(EventPrinterTest, WhatIsTooLongGoesOnInTheNextLineWhenAsked) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .width = 80, .utc = true, .wrap = true});
  const std::string line =
      print(printer, event("note", R"("one two three four five six seven eight nine ten eleven")"));
  EXPECT_TRUE(
      line.ends_with("10:00:00  run/1         note      one two three four five six seven eight nine\n" +
                     std::string(34, ' ') + "ten eleven\n"))
      << line;
}

}  // namespace
}  // namespace wskit::tap
