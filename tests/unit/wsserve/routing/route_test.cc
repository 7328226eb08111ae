#include "wsserve/routing/route.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace wskit::server::routing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

protocol::PublishEvent event_of(std::string_view data, std::string_view type = "alert") {
  protocol::PublishEvent event;
  event.type = type;
  event.data = data;
  return event;
}

// The channel, or the failure's number.
std::string named(std::string_view target, std::string_view data, std::string_view from = "alerts") {
  std::string name;
  const auto failure = Target::parse(target)->name(event_of(data), from, name);
  return failure ? fmt::format("failure {}", static_cast<int>(*failure)) : name;
}
const std::string kNoValue = "failure 0";
const std::string kBadChannel = "failure 1";

std::string target_fault(std::string_view text) {
  const auto parsed = Target::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

bool holds(const std::string& name, const char* value, std::string_view data,
           std::string_view type = "alert") {
  return Condition::parse(name, nlohmann::json::parse(value))->holds(event_of(data, type));
}

std::string condition_fault(const std::string& name, const char* value) {
  const auto parsed = Condition::parse(name, nlohmann::json::parse(value));
  return parsed ? std::string() : parsed.error().message;
}

RoutePtr route(const std::vector<std::string>& from, const std::vector<std::string>& to,
               const std::vector<std::string>& except = {}) {
  Route made;
  for (const std::string& text : from) made.from.push_back(*protocol::Pattern::parse(text));
  for (const std::string& text : except) made.except.push_back(*protocol::Pattern::parse(text));
  for (const std::string& text : to) made.to.push_back(*Target::parse(text));
  return std::make_shared<const Route>(std::move(made));
}

TEST(RouteTargetTest, FillsPlacesFromDataTypeAndSourceChannel) {
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":"AAPL"})"), "market/AAPL");
  EXPECT_EQ(named("m/{legs[1].n}-{.b}", R"({"legs":[1,{"n":1.50}],"b":true})"), "m/1.50-true");
  EXPECT_EQ(named("by/{type}", "1"), "by/alert");
  EXPECT_EQ(named("copy/{2}/{1}", "1", "market/AAPL"), "copy/AAPL/market");
  EXPECT_EQ(named("x/{.1}", R"({"1":"one"})"), "x/one");
  EXPECT_EQ(named("plain", "null"), "plain");
}

TEST(RouteTargetTest, SaysThatAValueIsMissing) {
  EXPECT_EQ(named("market/{/symbol}", R"({"sym":"AAPL"})"), kNoValue);
  EXPECT_EQ(named("market/{/symbol}", "5"), kNoValue);
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":null})"), kNoValue);
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":["A"]})"), kNoValue);
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":"\ud800"})"), kNoValue);
  EXPECT_EQ(named("copy/{2}", "1", "alerts"), kNoValue);
}

TEST(RouteTargetTest, SaysThatAValueMakesNoChannel) {
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":"a/b"})"), kBadChannel);
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":""})"), kBadChannel);
  EXPECT_EQ(named("market/{/symbol}", R"({"symbol":"*"})"), kBadChannel);
  EXPECT_EQ(named("{/user}", R"({"user":"@all"})"), kBadChannel);
  EXPECT_EQ(named("m/{/s}", fmt::format(R"({{"s":"{}"}})", std::string(254, 'x'))), kBadChannel);
}

TEST(RouteTargetTest, RefusesWhatCanNeverBeAChannel) {
  EXPECT_THAT(target_fault("a/*"), HasSubstr("not allowed"));
  EXPECT_THAT(target_fault("@user/{/id}"), HasSubstr("the server's own"));
  EXPECT_THAT(target_fault("a/{0}"), HasSubstr("{1} to {16}"));
  EXPECT_THAT(target_fault("a/{17}"), HasSubstr("{1} to {16}"));
  EXPECT_THAT(target_fault("a/{b..c}"), HasSubstr("field name"));
  EXPECT_THAT(target_fault("a/{b"), HasSubstr("is not closed"));
  EXPECT_THAT(target_fault("a//{b}"), HasSubstr("is empty"));
}

TEST(RouteConditionTest, ComparesTheTypeAndValuesInData) {
  EXPECT_TRUE(holds("type", R"("alert")", "1"));
  EXPECT_FALSE(holds("type", R"(["trade","signal"])", "1"));
  EXPECT_TRUE(holds("type", R"(["trade","alert"])", "1"));
  EXPECT_TRUE(holds(".type", R"("inner")", R"({"type":"inner"})"));
  EXPECT_TRUE(holds("alert_type", R"("signal")", R"({"alert_type":"sign\u0061l"})"));
  EXPECT_TRUE(holds("/a/0", R"(["x","y"])", R"({"a":["y"]})"));
  EXPECT_FALSE(holds("/a/0", R"(["x","y"])", R"({"a":[]})"));
  EXPECT_TRUE(holds("a", "true", R"({"a":true})"));
  EXPECT_FALSE(holds("a", "true", R"({"a":"true"})"));
  EXPECT_FALSE(holds("a", R"("1")", R"({"a":1})"));
  EXPECT_FALSE(holds("a", R"("null")", R"({"a":null})"));
}

TEST(RouteConditionTest, ComparesNumbersByTheirValue) {
  EXPECT_TRUE(holds("a", "100", R"({"a":1e2})"));
  // F11: ids of 19 digits differ in their last one.
  EXPECT_TRUE(holds("a", "9007199254740993", R"({"a":9007199254740993})"));
  EXPECT_FALSE(holds("a", "9007199254740993", R"({"a":9007199254740992})"));
  EXPECT_FALSE(holds("a", "1545913818099033203", R"({"a":1545913818099033204})"));
  EXPECT_TRUE(holds("a", "1545913818099033203", R"({"a":1545913818099033203.0})"));
  EXPECT_TRUE(holds("a", "1.5", R"({"a":1.50})"));
  EXPECT_FALSE(holds("a", "100", R"({"a":100.1})"));
  EXPECT_FALSE(holds("a", "100", R"({"a":1e999})"));
}

TEST(RouteConditionTest, AsksWhetherThereIsAValue) {
  EXPECT_TRUE(holds("/a", R"({"exists":true})", R"({"a":null})"));
  EXPECT_FALSE(holds("/a", R"({"exists":true})", R"({"b":1})"));
  EXPECT_TRUE(holds("/a", R"({"exists":false})", R"({"b":1})"));
  EXPECT_FALSE(holds("/a", R"({"exists":false})", R"({"a":0})"));
}

TEST(RouteConditionTest, RefusesWhatCanNeverHold) {
  EXPECT_THAT(condition_fault("a", "[]"), HasSubstr("holds for no event"));
  EXPECT_THAT(condition_fault("a", "[[1]]"), HasSubstr("a string, a number, true or false"));
  EXPECT_THAT(condition_fault("a", R"({"exists":1})"), HasSubstr("exists = true"));
  EXPECT_THAT(condition_fault("type", R"({"exists":true})"), HasSubstr("exists = true"));
  EXPECT_THAT(condition_fault("type", R"("a b")"), HasSubstr("is no event type"));
  EXPECT_THAT(condition_fault("type", "5.5"), IsEmpty()) << "5.5 is a type like any other";
  EXPECT_THAT(condition_fault("a..b", "1"), HasSubstr("field name"));
}

TEST(RouteTest, IsForTheChannelsThatItNamesAndDoesNotExcept) {
  const RoutePtr all = route({"a/**", "b"}, {"unified"}, {"a/secret"});
  EXPECT_TRUE(all->is_for("a/x/y"));
  EXPECT_TRUE(all->is_for("b"));
  EXPECT_FALSE(all->is_for("a/secret"));
  EXPECT_FALSE(all->is_for("c"));
  EXPECT_EQ(routes_for({all}, "c"), nullptr);
  EXPECT_EQ(routes_for({all, route({"b"}, {"c"})}, "b")->size(), 2U);
}

TEST(RouteTest, FindsALoopThroughSeveralRules) {
  EXPECT_THAT(find_loop({route({"x"}, {"a"}), route({"a"}, {"b"}), route({"b"}, {"c", "a"})}),
              ElementsAre(1, 2, 1));
  EXPECT_THAT(find_loop({route({"a"}, {"a"})}), ElementsAre(0, 0));
  EXPECT_THAT(find_loop({route({"a"}, {"b"}), route({"b"}, {"c"}), route({"a"}, {"c"})}), IsEmpty());
}

TEST(RouteTest, FindsALoopThroughPatternsAndPlaces) {
  EXPECT_THAT(find_loop({route({"market/*"}, {"market/{/symbol}"})}), ElementsAre(0, 0));
  EXPECT_THAT(find_loop({route({"**"}, {"unified"})}), ElementsAre(0, 0));
  EXPECT_THAT(find_loop({route({"a/**"}, {"{/x}/y"}), route({"*/y"}, {"c"})}), ElementsAre(0, 0));
  EXPECT_THAT(find_loop({route({"a/*"}, {"b/x-{1}"}), route({"b/x-a"}, {"a/1"})}), ElementsAre(0, 1, 0));
  EXPECT_THAT(find_loop({route({"a/*"}, {"b/{1}/c"}), route({"b/*"}, {"a/1"})}), IsEmpty());
}

TEST(RouteTest, WhatIsExceptedEndsALoop) {
  EXPECT_THAT(find_loop({route({"**"}, {"unified"}, {"unified"})}), IsEmpty());
  EXPECT_THAT(find_loop({route({"**"}, {"all/{1}"}, {"all/*"})}), IsEmpty());
  EXPECT_THAT(find_loop({route({"**"}, {"all/{1}"}, {"all/a"})}), ElementsAre(0, 0));
}

}  // namespace
}  // namespace wskit::server::routing
