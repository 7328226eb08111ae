#include "wsbench/verdict.h"

#include <gtest/gtest.h>

namespace wskit::bench {
namespace {

using cli::ExitCode;

RunResult round_of(double rate) {
  RunResult result;
  result.metrics.values["delivery.rate"] = rate;
  result.metrics.values["client.cpu"] = 1;
  return result;
}

Summary summary_of(std::vector<double> server, std::vector<double> limit = {}) {
  Summary summary;
  summary.server.emplace();
  for (const double rate : server) summary.server->rounds.push_back(round_of(rate));
  if (limit.empty()) return summary;
  summary.limit.emplace();
  for (const double rate : limit) summary.limit->rounds.push_back(round_of(rate));
  return summary;
}

Settings settings_with(std::string_view slo) {
  Settings settings;
  settings.slos.push_back(parse_slo(slo).value());
  return settings;
}

TEST(SummaryTest, AMetricIsItsMedianOverTheRounds) {
  const Summary summary = summary_of({100, 900, 200});
  EXPECT_EQ(summary.find("delivery.rate"), 200);
  const Spread spread = summary.server->find("delivery.rate").value();
  EXPECT_EQ(spread.least, 100);
  EXPECT_EQ(spread.most, 900);
  EXPECT_EQ(summary_of({1, 2, 3, 4}).find("delivery.rate"), 2.5);
}

TEST(SummaryTest, TheShareIsTakenRoundByRound) {
  // The machine halves its speed after the first round: both feel it.
  const Summary summary = summary_of({900, 450, 450}, {1000, 500, 500});
  EXPECT_DOUBLE_EQ(summary.find("limit.share").value(), 0.9);
  EXPECT_EQ(summary.find("limit.rate"), 500);
  EXPECT_EQ(summary.find("limit.delivery.rate"), 500);
}

TEST(SummaryTest, DistributionsOfTheRoundsAreMerged) {
  Summary summary = summary_of({1, 1});
  for (RunResult& round : summary.server->rounds)
    round.metrics.distributions["delivery.latency"].record(500, 10);
  EXPECT_EQ(summary.server->merged().at("delivery.latency").count(), 20U);
}

TEST(VerdictTest, AllGatesPassedIsZero) {
  EXPECT_EQ(judge(settings_with("delivery.rate > 50"), summary_of({100})).code, ExitCode::kOk);
}

TEST(VerdictTest, AFailedSloIsOne) {
  const Verdict verdict = judge(settings_with("delivery.rate > 500"), summary_of({100}));
  EXPECT_EQ(verdict.code, ExitCode::kNo);
  EXPECT_FALSE(verdict.slos[0].passed());
}

TEST(VerdictTest, AnSloThatWasNotMeasuredIsInconclusive) {
  EXPECT_EQ(judge(settings_with("delivery.latency.p99 < 5ms"), summary_of({100})).code, kInconclusive);
  Summary few = summary_of({100});
  few.server->rounds[0].metrics.distributions["delivery.latency"].record(10, 50);
  EXPECT_EQ(judge(settings_with("delivery.latency.p99 < 5ms"), few).code, kInconclusive);
  EXPECT_EQ(judge(settings_with("delivery.latency.p50 < 5ms"), few).code, ExitCode::kOk);
}

TEST(VerdictTest, FaultsAreSevenUnlessAllowed) {
  for (std::uint64_t Faults::*fault :
       {&Faults::lost, &Faults::duplicate, &Faults::reordered, &Faults::corrupt}) {
    Summary summary = summary_of({100, 100});
    summary.server->rounds[1].faults.*fault = 1;
    Settings settings;
    EXPECT_EQ(judge(settings, summary).code, ExitCode::kIntegrity);
    settings.allow_loss = true;
    EXPECT_EQ(judge(settings, summary).code, ExitCode::kOk);
  }
}

TEST(VerdictTest, AFailureOutweighsEverythingElse) {
  const auto code = [](Failure::Kind kind) {
    Summary summary = summary_of({100});
    summary.server->rounds[0].faults.lost = 5;
    summary.server->rounds[0].failure = Failure{kind, "why"};
    return judge(settings_with("delivery.rate > 500"), summary).code;
  };
  EXPECT_EQ(code(Failure::Kind::kUnreachable), ExitCode::kUnreachable);
  EXPECT_EQ(code(Failure::Kind::kRefused), ExitCode::kRefused);
  EXPECT_EQ(code(Failure::Kind::kLost), ExitCode::kLost);
}

TEST(VerdictTest, ALimitedClientIsInconclusiveOnlyIfStrict) {
  Summary summary = summary_of({100});
  summary.server->rounds[0].client_limited = "a client thread was 99 % busy";
  Settings settings;
  EXPECT_EQ(judge(settings, summary).code, ExitCode::kOk);
  EXPECT_FALSE(judge(settings, summary).client_limited.empty());
  settings.strict = true;
  EXPECT_EQ(judge(settings, summary).code, kInconclusive);
}

TEST(ClientJudgementTest, ABusyThreadOrLateEventsMakeTheClientTheLimit) {
  Metrics metrics;
  metrics.values["client.cpu_max_thread"] = 0.84;
  EXPECT_EQ(judge_client(metrics), "");
  metrics.values["client.cpu_max_thread"] = 0.86;
  EXPECT_NE(judge_client(metrics), "");

  Metrics late;
  late.distributions["delivery.latency"].record(50 * kMillisecond, 1000);
  late.distributions["pub.lag"].record(4 * kMillisecond, 1000);
  EXPECT_EQ(judge_client(late), "");
  late.distributions["pub.lag"].record(6 * kMillisecond, 1000);
  EXPECT_NE(judge_client(late), "");
}

TEST(ServerJudgementTest, AServerThatWaitsForItsCpuIsDisturbed) {
  Metrics metrics;
  EXPECT_EQ(judge_server(metrics), "");
  metrics.values["server.cpu_wait"] = 0.04;
  EXPECT_EQ(judge_server(metrics), "");
  metrics.values["server.cpu_wait"] = 0.06;
  EXPECT_NE(judge_server(metrics), "");
}

}  // namespace
}  // namespace wskit::bench
