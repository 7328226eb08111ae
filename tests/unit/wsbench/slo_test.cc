#include "wsbench/slo.h"

#include <gtest/gtest.h>

namespace wskit::bench {
namespace {

std::string error_of(std::string_view text) {
  const auto slo = parse_slo(text);
  return slo ? "" : slo.error().message;
}

double bound_of(std::string_view text) { return parse_slo(text).value().bound; }

TEST(SloTest, TheBoundIsReadInTheUnitOfTheMetric) {
  EXPECT_EQ(bound_of("delivery.latency.p99 < 5ms"), 5e6);
  EXPECT_EQ(bound_of("server.cpu_us_per_delivery <= 900ns"), 0.9);
  EXPECT_EQ(bound_of("server.rss_per_conn < 4KiB"), 4096);
  EXPECT_EQ(bound_of("delivery.rate >= 1.5M"), 1.5e6);
  EXPECT_EQ(bound_of("delivery.lost == 0"), 0);
  EXPECT_EQ(bound_of("limit.share >= 0.9"), 0.9);
  EXPECT_EQ(bound_of("limit.share >= 90%"), 0.9);
  EXPECT_EQ(bound_of("limit.delivery.latency.p50 < 1ms"), 1e6);
}

TEST(SloTest, BlanksDoNotMatter) {
  const Slo slo = parse_slo("  delivery.rate>=10  ").value();
  EXPECT_EQ(slo.metric, "delivery.rate");
  EXPECT_EQ(slo.compare, Slo::Operator::kGreaterOrEqual);
  EXPECT_EQ(slo.bound, 10);
}

TEST(SloTest, EachOperatorHoldsWhereItShould) {
  const auto verdicts = [](std::string_view comparison) {
    const Slo slo = parse_slo("delivery.lost " + std::string(comparison) + " 5").value();
    std::string text;
    for (const double value : {4.0, 5.0, 6.0}) text += holds(slo, value) ? 'y' : 'n';
    return text;
  };
  EXPECT_EQ(verdicts("<"), "ynn");
  EXPECT_EQ(verdicts("<="), "yyn");
  EXPECT_EQ(verdicts(">"), "nny");
  EXPECT_EQ(verdicts(">="), "nyy");
  EXPECT_EQ(verdicts("=="), "nyn");
  EXPECT_EQ(verdicts("!="), "yny");
}

TEST(SloTest, AMetricThatDoesNotExistIsNamed) {
  EXPECT_NE(error_of("delivery.latency.p98 < 5ms").find("'delivery.latency.p98'"), std::string::npos);
  EXPECT_NE(error_of("speed > 5").find("'speed'"), std::string::npos);
}

TEST(SloTest, ADistributionWithoutAStatisticIsRefused) {
  EXPECT_NE(error_of("delivery.latency < 5ms").find("one value"), std::string::npos);
}

TEST(SloTest, ADurationNeedsItsUnit) {
  EXPECT_NE(error_of("delivery.latency.p99 < 5").find("needs a unit"), std::string::npos);
  EXPECT_EQ(error_of("delivery.latency.p99 >= 0"), "");
}

TEST(SloTest, NonsenseIsRefused) {
  EXPECT_NE(error_of("delivery.rate"), "");
  EXPECT_NE(error_of("delivery.rate ="), "");
  EXPECT_NE(error_of("delivery.rate > fast"), "");
  EXPECT_NE(error_of("limit.share >= ninety"), "");
  EXPECT_NE(error_of(""), "");
}

}  // namespace
}  // namespace wskit::bench
