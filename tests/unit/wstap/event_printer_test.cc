#include "wstap/event_printer.h"

#include <gtest/gtest.h>

namespace wskit::tap {
namespace {

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

  static std::string event(std::string_view type, std::string_view data) {
    return R"({"type":")" + std::string(type) +
           R"(","channel":"run/1","offset":1,"timestamp":"2026-11-20T10:00:00Z","data":)" +
           std::string(data) + "}";
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
  EventPrinter printer(Format::kPretty, {});
  EXPECT_EQ(print(printer, kTrade), "10:00:00.123  m/A           trade     @ 1.0\n");
}

TEST_F(EventPrinterTest, PrettyIsReadInTheOrderOfItsBytes) {
  EventPrinter printer(Format::kPretty, {});
  const std::string line =
      print(printer,
            "{\"type\":\"trade\",\"channel\":\"m/\u202eA\",\"offset\":1,"
            "\"timestamp\":\"2026-11-20T10:00:00Z\",\"data\":{\"side\":\"\u202eLLES\"}}");
  EXPECT_EQ(line.find("\u202e"), std::string::npos) << line;
  EXPECT_NE(line.find("LLES"), std::string::npos) << line;
}

TEST_F(EventPrinterTest, PrettyFitsTheTerminal) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .colored = false, .live = false, .width = 20});
  EXPECT_EQ(print(printer, kTrade), "10:00:00.123  m/A  …\n");
}

TEST_F(EventPrinterTest, ANumberThatWasCutDoesNotLookWhole) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .colored = false, .live = false, .width = 47});
  EXPECT_EQ(print(printer, event("fill", R"({"id":28023456})")),
            "10:00:00.000  run/1         fill      id=28023…\n");
}

TEST_F(EventPrinterTest, ColumnsGrowWithWhatTheyHold) {
  EventPrinter printer(Format::kPretty, {});
  print(printer, event("a_rather_long_type", "1"));
  EXPECT_EQ(print(printer, kTrade), "10:00:00.123  m/A           trade               @ 1.0\n");
}

TEST_F(EventPrinterTest, ProgressIsALiveBarOnATerminal) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .colored = false, .live = true, .width = 80});
  EXPECT_EQ(print(printer, event("progress", R"({"current":1,"total":4})")), "");
  std::string out;
  printer.show_live(out);
  EXPECT_EQ(out, "run/1                    ██████░░░░░░░░░░░░░░░░░░  25% 1/4\n");
  out.clear();
  printer.show_live(out);
  EXPECT_EQ(out, "") << "it is there already";
  // The next line takes the bar's place, and the bar follows below.
  const std::string line = print(printer, kTrade);
  EXPECT_TRUE(line.starts_with("\x1b[1A\r\x1b[J10:00:00.123")) << line;
  out.clear();
  printer.show_live(out);
  EXPECT_TRUE(out.starts_with("run/1 ")) << out;
  out.clear();
  printer.hide_live(out);
  EXPECT_EQ(out, "\x1b[1A\r\x1b[J");
}

TEST_F(EventPrinterTest, ABarStaysWhenItsWorkIsDone) {
  EventPrinter printer(Format::kPretty, {.is_terminal = true, .colored = false, .live = true, .width = 80});
  print(printer, event("progress", R"({"current":3,"total":4})"));
  const std::string end = print(printer, event("session_completed", "{}"));
  EXPECT_NE(end.find("75% 3/4\n10:00:00.000"), std::string::npos) << end;
  std::string out;
  printer.show_live(out);
  EXPECT_EQ(out, "");
}

TEST_F(EventPrinterTest, ProgressIsALineWhereBarsAreNotWelcome) {
  EventPrinter printer(Format::kPretty, {});
  EXPECT_EQ(print(printer, event("progress", R"({"current":1,"total":4})")),
            "10:00:00.000  run/1         progress  current=1 total=4\n");
}

}  // namespace
}  // namespace wskit::tap
