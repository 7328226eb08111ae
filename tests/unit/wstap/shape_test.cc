#include "wstap/shape.h"

#include <gtest/gtest.h>

namespace wskit::tap {
namespace {

std::string shaped(std::string_view type, std::string_view data) {
  return shape_event(type, data, false).text;
}

TEST(Shape, ATradeIsSideQuantityAndPrice) {
  EXPECT_EQ(shaped("trade", R"({"price":150.25,"qty":10,"side":"buy","symbol":"AAPL"})"),
            "BUY 10 AAPL @ 150.25");
  EXPECT_EQ(
      shaped("match", R"({"type":"match","size":"0.01","price":"61234.50","side":"sell","trade_id":7})"),
      "SELL 0.01 @ 61234.50 id 7");
}

TEST(Shape, ACandleIsOpenToClose) {
  EXPECT_EQ(shaped("candle", R"({"open":1.1,"high":1.3,"low":1.0,"close":1.2,"volume":5,"time":"10:00"})"),
            "O 1.1 H 1.3 L 1.0 C 1.2 V 5 10:00");
}

TEST(Shape, APositionShowsWhatItGained) {
  EXPECT_EQ(shaped("position_closed",
                   R"({"side":"long","quantity":2,"symbol":"X","entry_price":1,"exit_price":3,"pnl":4})"),
            "pnl +4 LONG 2 X @ 1 -> 3");
  EXPECT_EQ(shape_event("position_closed", R"({"pnl":-4})", true).text, "pnl \x1b[31m-4\x1b[0m");
}

// U10: what matters comes first.
TEST(Shape, ATradeOfAStrategyIsEntryOrExitWithWhatItGained) {
  EXPECT_EQ(
      shaped("trade", R"({"action":"entry","side":"long","price":100.5,"size":0.2,"reasoning":"breakout"})"),
      "ENTRY LONG 0.2 @ 100.5 breakout");
  EXPECT_EQ(shaped("trade",
                   R"({"action":"exit","side":"long","price":103,"size":0.2,"pnl":-4.5,"symbol":"BTC-USD"})"),
            "EXIT pnl -4.5 LONG 0.2 BTC-USD @ 103");
  EXPECT_EQ(shaped("position_closed",
                   R"({"symbol":"X","reason":"stop","entry_price":1,"exit_price":3,"pnl":4,"pnl_pct":2.5})"),
            "pnl +4 (+2.5%) X @ 1 -> 3 stop");
  EXPECT_EQ(shaped("complete", R"({"trades":[1,2],"duration":3,"total_pnl":12})"),
            "total_pnl=+12 duration=3 trades=[1,2]");
}

// U10
TEST(Shape, AnAlertNamesItsSymbolFirst) {
  EXPECT_EQ(shaped("alert", R"({"alert_type":"signal","source":"x","symbol":"AAPL","content":"up"})"),
            "AAPL signal: up");
  EXPECT_EQ(shaped("signal", R"({"signal":{"side":"buy","symbol":"TSLA","confidence":0.9}})"),
            "BUY TSLA confidence 0.9");
  EXPECT_EQ(shaped("agent_insight", R"({"agent":"news","insight":{"text":"calm"}})"), "news: calm");
}

TEST(Shape, WordsNameTheirSpeaker) {
  EXPECT_EQ(shaped("ai_thinking", R"({"agent":"news","text":"hm\nso"})"), "news: hm so");
  EXPECT_EQ(shaped("alert", R"({"level":"high","message":"too hot"})"), "high: too hot");
}

TEST(Shape, AnyOtherTypeShowsItsMembers) {
  EXPECT_EQ(shaped("l2update", R"({"product_id":"BTC-USD","changes":[["buy","1.0","2"]]})"),
            R"(product_id=BTC-USD changes=[["buy","1.0","2"]])");
  EXPECT_EQ(shaped("note", R"("just text")"), "just text");
  EXPECT_EQ(shaped("note", "[1, 2]"), "[1, 2]");
  EXPECT_EQ(shaped("note", "{}"), "{}");
}

TEST(Shape, AKnownTypeWithUnknownMembersLosesNothing) {
  EXPECT_EQ(shaped("trade", R"({"foo":1})"), "foo=1");
  EXPECT_EQ(shaped("candle", R"([1,2,3])"), "[1,2,3]");
}

TEST(Shape, NumbersStayAsTheyWereWritten) {
  EXPECT_EQ(shaped("x", R"({"n":12345678901234567890,"f":1.10,"e":1e400})"),
            "n=12345678901234567890 f=1.10 e=1e400");
}

TEST(Shape, NothingReachesTheTerminalThatItWouldObey) {
  EXPECT_EQ(shaped("x", R"({"a":"\u001b[2J\u009b31m"})").find('\x1b'), std::string::npos);
  EXPECT_EQ(shaped("trade", R"({"price":1,"symbol":"\u001b[2J"})").find('\x1b'), std::string::npos);
  // R10: the names of members come from outside as their values do.
  EXPECT_EQ(shaped("x", "{\"a\u009b2J\u202e\":1}"), "a 2J =1");
  EXPECT_EQ(shaped("figures", "{\"\u009b31m\":1}"), " 31m=1");
  EXPECT_EQ(shaped("metrics", "{\"\u009b31m\":1}"), " 31m=1");
}

TEST(ProgressOf, ReadsTheUsualWaysToSayIt) {
  EXPECT_DOUBLE_EQ(progress_of("progress", R"({"current":450,"total":1000})")->fraction, 0.45);
  EXPECT_EQ(progress_of("progress", R"({"current":450,"total":1000,"message":"May"})")->text, "450/1000 May");
  EXPECT_DOUBLE_EQ(progress_of("progress", R"({"percent":45})")->fraction, 0.45);
  EXPECT_DOUBLE_EQ(progress_of("backtest_progress", R"({"progress":0.45})")->fraction, 0.45);
  EXPECT_DOUBLE_EQ(progress_of("backtest_progress", R"({"progress":45})")->fraction, 0.45);
  EXPECT_DOUBLE_EQ(progress_of("progress", R"({"percent":1})")->fraction, 0.01);
  EXPECT_DOUBLE_EQ(progress_of("progress", R"({"percent":250})")->fraction, 1);
}

TEST(ProgressOf, IsNothingWhereNothingIsSaid) {
  EXPECT_FALSE(progress_of("trade", R"({"percent":45})"));
  EXPECT_FALSE(progress_of("progress", R"({"phase":"x"})"));
  EXPECT_FALSE(progress_of("progress", "45"));
}

}  // namespace
}  // namespace wskit::tap
