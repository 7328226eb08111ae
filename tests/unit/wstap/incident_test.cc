#include "wstap/incident.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "wstap/findings.h"

namespace wskit::tap {
namespace {

using nlohmann::json;
using Kind = Incident::Kind;

Incident gap(std::uint64_t first, std::uint64_t last, std::uint64_t missing) {
  return {.kind = Kind::kGap,
          .previous = first - 1,
          .first = first,
          .last = last,
          .missing = missing,
          .epoch = "e"};
}

Incident new_epoch(std::uint64_t last) {
  return {.kind = Kind::kNewEpoch,
          .previous = 40,
          .first = 1,
          .last = last,
          .missing = last,
          .epoch = "new",
          .previous_epoch = "old"};
}

std::vector<json> records(const Incident& incident) {
  std::vector<json> found;
  std::istringstream lines(gap_records("m/a", incident));
  for (std::string line; std::getline(lines, line);) found.push_back(json::parse(line));
  return found;
}

TEST(Incident, AGapIsTheRangeAndHowManyOfItAreMissing) {
  EXPECT_EQ(gap(3, 5, 3).describe("m/a"), "gap in m/a: events 3 to 5 missing");
  EXPECT_EQ(gap(3, 3, 1).describe("m/a"), "gap in m/a: event 3 missing");
  EXPECT_EQ(gap(3, 9, 2).describe("m/a"), "gap in m/a: 2 of events 3 to 9 missing");
  EXPECT_EQ(json::parse(gap(3, 9, 2).json("m/a")),
            json::parse(R"({"incident":"gap","channel":"m/a","epoch":"e",
                                                               "from":3,"to":9,"missing":2})"));
}

TEST(Incident, GapsOfChannelsThatAreNotNamedAreOneRecordOfTheirPattern) {
  const Incident elsewhere{.kind = Kind::kGapsElsewhere, .missing_channels = 3};
  EXPECT_TRUE(elsewhere.is_gap());
  EXPECT_EQ(elsewhere.describe("m/*"), "gaps in 3 more channels of m/*, which the server does not name");
  EXPECT_EQ(json::parse(elsewhere.json("m/*")), json::parse(R"({"incident":"gap","channel":"m/*","epoch":null,
                            "from":null,"to":null,"missing":null,"channels":3})"));
  ASSERT_EQ(records(elsewhere).size(), 1U);
  EXPECT_EQ(records(elsewhere)[0]["data"],
            json::parse(R"({"from":null,"to":null,"epoch":null,"missing":null,"channels":3})"));
  Findings findings;
  findings.add(elsewhere);
  EXPECT_EQ(findings.text(), ", 3 gaps");
}

TEST(Incident, AChannelThatBeganAnewIsTwoRecords) {
  ASSERT_EQ(records(new_epoch(7)).size(), 2U);
  EXPECT_EQ(records(new_epoch(7))[0], json::parse(R"({"type":"gap","channel":"m/a",
                           "data":{"from":41,"to":null,"epoch":"old","missing":null}})"));
  EXPECT_EQ(
      records(new_epoch(7))[1],
      json::parse(R"({"type":"gap","channel":"m/a","data":{"from":1,"to":7,"epoch":"new","missing":7}})"));
  EXPECT_EQ(records(new_epoch(0)).size(), 1U) << "of the new count nothing is missing";
}

TEST(Incident, AGapOfUnknownLengthSaysSo) {
  const Incident before{.kind = Kind::kGapBefore, .first = 1, .last = 5, .epoch = "e"};
  EXPECT_EQ(before.describe("a"), "gap in a: events before 6 are missing, how many is not known");
  ASSERT_EQ(records(before).size(), 1U);
  EXPECT_EQ(records(before)[0]["data"], json::parse(R"({"from":null,"to":5,"epoch":"e","missing":null})"));
}

TEST(Incident, NamesOfChannelsAreEscaped) {
  EXPECT_EQ(json::parse(gap(1, 1, 1).json("a\x01\\")).at("channel"), "a\x01\\");
  EXPECT_EQ(json::parse(gap_records("a\"", gap(1, 1, 1))).at("channel"), "a\"");
}

TEST(Incident, OnlyLossesAreGaps) {
  for (const Kind kind : {Kind::kGap, Kind::kGapBefore, Kind::kNewEpoch}) {
    EXPECT_TRUE(Incident{.kind = kind}.is_gap());
  }
  for (const Kind kind : {Kind::kDuplicate, Kind::kLate, Kind::kBadMerge, Kind::kForeign}) {
    EXPECT_FALSE(Incident{.kind = kind}.is_gap());
  }
}

TEST(Findings, AreCountedByKind) {
  Findings findings;
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(findings.text(), "");
  findings.add(gap(3, 5, 3));
  findings.add(new_epoch(2));
  EXPECT_EQ(findings.text(), ", 2 gaps (5 events missing), 1 new epoch");
  findings.add({.kind = Kind::kDuplicate});
  findings.add({.kind = Kind::kLate});
  findings.add({.kind = Kind::kBadMerge});
  findings.add({.kind = Kind::kForeign});
  EXPECT_EQ(findings.text(),
            ", 2 gaps (5 events missing), 1 new epoch, 1 duplicate, 1 out of order, 1 merge that cannot be, "
            "1 channel not asked for");
}

TEST(Findings, AnyKindIsOneToVerify) {
  for (const Kind kind : {Kind::kGap, Kind::kGapBefore, Kind::kNewEpoch, Kind::kDuplicate, Kind::kLate,
                          Kind::kBadMerge, Kind::kForeign}) {
    Findings findings;
    findings.add({.kind = kind});
    EXPECT_FALSE(findings.empty());
  }
}

}  // namespace
}  // namespace wskit::tap
