#include "wsbench/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wskit::bench {
namespace {

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    settings_.rounds = 2;
    settings_.fanout.crew.topology = {.publishers = 1, .channels = 1, .subscribers = 10};
    summary_.server.emplace();
    summary_.server->name = "wsserve";
    for (const double rate : {1000.0, 3000.0}) {
      RunResult& round = summary_.server->rounds.emplace_back();
      round.metrics.values["delivery.rate"] = rate;
      round.metrics.values["client.cpu"] = 0.5;
      round.metrics.distributions["delivery.latency"].record(1'500'000, 50);
      round.series.push_back({.at = 0, .deliveries = 7, .acks = 0, .server_cpu = 9});
    }
  }

  [[nodiscard]] Report report() const {
    return {settings_, summary_, verdict_, environment_, "2026-01-01T00:00:00Z"};
  }
  [[nodiscard]] std::string text() const { return to_text(report()); }
  [[nodiscard]] nlohmann::json json() const { return to_json(report()); }

  Settings settings_;
  Summary summary_;
  Verdict verdict_;
  Environment environment_{"Linux 1", "a cpu", 4, "gcc 12", "release", "0.1.0"};
};

TEST_F(ReportTest, PercentilesWithTooFewSamplesAreNotShown) {
  EXPECT_NE(text().find("delivery.latency.p50"), std::string::npos);
  EXPECT_EQ(text().find("delivery.latency.p99 "), std::string::npos);
  EXPECT_TRUE(json()["server"]["metrics"].contains("delivery.latency.p50"));
  EXPECT_FALSE(json()["server"]["metrics"].contains("delivery.latency.p99"));
}

TEST_F(ReportTest, ShowsTheMedianAndHowFarTheRoundsWereApart) {
  EXPECT_NE(text().find(" 2,000   1,000 .. 3,000\n"), std::string::npos) << text();
  const nlohmann::json rate = json()["server"]["metrics"]["delivery.rate"];
  EXPECT_EQ(rate["median"], 2000);
  EXPECT_EQ(rate["least"], 1000);
  EXPECT_EQ(rate["most"], 3000);
}

// U24: the numbers of a row, and all times, are in one unit, which stands once.
TEST_F(ReportTest, WhatIsComparedIsInOneUnit) {
  for (RunResult& round : summary_.server->rounds) {
    round.metrics.distributions["delivery.latency"].record(900, 100'000);
    round.metrics.distributions["delivery.latency"].record(2'500'000'000, 1);
  }
  EXPECT_NE(text().find("delivery.latency.p50       ms         0.001   0.001 .. 0.001\n"), std::string::npos)
      << text();
  EXPECT_NE(text().find("delivery.latency.max       ms     2,5"), std::string::npos) << text();
  EXPECT_EQ(text().find(" ns"), std::string::npos) << text();
}

// U24
TEST_F(ReportTest, WhatIsWrongIsRedOnATerminal) {
  verdict_.slos.push_back({parse_slo("delivery.rate > 5000").value(), 2000});
  verdict_.faults.lost = 3;
  EXPECT_EQ(text().find('\x1b'), std::string::npos);
  const std::string colored = to_text(report(), true);
  EXPECT_NE(colored.find("\x1b[31mFAILED\x1b[0m"), std::string::npos) << colored;
  EXPECT_NE(colored.find("\x1b[31mlost 3\x1b[0m, duplicate 0"), std::string::npos) << colored;
}

// U24
TEST_F(ReportTest, ALimitedClientIsToldWhatToType) {
  summary_.server->rounds[1].client_limited = "a client thread was 99 % busy";
  settings_.fanout.crew.threads = 1;
  EXPECT_NE(text().find("--threads 3"), std::string::npos) << text();
  settings_.fanout.crew.threads = 3;
  EXPECT_NE(text().find("(-S, --rate)"), std::string::npos) << text();
}

TEST_F(ReportTest, TheLimitStandsBesideTheServer) {
  summary_.limit.emplace();
  for (const double rate : {2000.0, 4000.0}) {
    summary_.limit->rounds.emplace_back().metrics.values["delivery.rate"] = rate;
  }
  settings_.fanout.crew.window = 16;
  EXPECT_NE(text().find("limit.share 0.625"), std::string::npos) << text();
  EXPECT_EQ(json()["limit_share"], 0.625);
  EXPECT_EQ(json()["ratio"]["delivery.rate"]["most"], 0.75);
}

TEST_F(ReportTest, DoubtsAreSaid) {
  summary_.server->rounds[1].client_limited = "a client thread was 99 % busy";
  verdict_.disturbed = "the server waited for a CPU 50 % of the time";
  verdict_.faults.duplicate = 12'345;
  verdict_.interrupted = true;
  EXPECT_NE(text().find("client limited (server): a client thread was 99 % busy"), std::string::npos)
      << text();
  EXPECT_NE(text().find("disturbed: the server waited"), std::string::npos);
  EXPECT_NE(text().find("duplicate 12,345"), std::string::npos);
  EXPECT_NE(text().find("interrupted"), std::string::npos);
  EXPECT_EQ(json()["aborted"], true);
  EXPECT_EQ(json()["flags"]["disturbed"], true);
}

TEST_F(ReportTest, TheJsonHoldsWholeNanosecondsAndTheHistogramInFull) {
  const nlohmann::json document = json();
  EXPECT_EQ(document["schema"], "wsbench/1");
  EXPECT_EQ(document["scenario"], "fanout");
  const nlohmann::json& p50 = document["server"]["metrics"]["delivery.latency.p50"]["median"];
  EXPECT_TRUE(p50.is_number_integer());
  EXPECT_NEAR(p50.get<double>(), 1'500'000, 1'500);
  const nlohmann::json& histogram = document["server"]["histograms"]["delivery.latency"];
  EXPECT_EQ(histogram["count"], 100);
  Histogram rebuilt;
  for (const nlohmann::json& bucket : histogram["buckets"]) rebuilt.record(bucket[0], bucket[1]);
  EXPECT_EQ(rebuilt.buckets(), summary_.server->merged().at("delivery.latency").buckets());
  EXPECT_EQ(document["server"]["rounds"][0]["series"][0]["deliveries"], 7);
  EXPECT_EQ(document["parameters"]["subscribers"], 10);
  EXPECT_EQ(document["environment"]["cores"], 4);
}

TEST_F(ReportTest, SloVerdictsAreInBoth) {
  verdict_.slos.push_back({parse_slo("delivery.rate > 5000").value(), 2000});
  verdict_.slos.push_back({parse_slo("delivery.latency.p99 < 1ms").value(), std::nullopt});
  EXPECT_NE(text().find("slo delivery.rate > 5000: FAILED (2000.0/s)"), std::string::npos) << text();
  EXPECT_NE(text().find("slo delivery.latency.p99 < 1ms: inconclusive"), std::string::npos) << text();
  EXPECT_EQ(json()["slo"][0]["verdict"], "failed");
  EXPECT_EQ(json()["slo"][1]["verdict"], "inconclusive");
}

}  // namespace
}  // namespace wskit::bench
