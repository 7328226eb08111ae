#include "wsbench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace wskit::bench {
namespace {

// Values from nanoseconds to hours, evenly over the octaves.
std::vector<Nanos> random_values(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> octave(0, 43);
  std::vector<Nanos> values;
  for (std::size_t index = 0; index < count; ++index) {
    values.push_back(static_cast<Nanos>(std::exp2(octave(random))));
  }
  return values;
}

Histogram histogram_of(const std::vector<Nanos>& values) {
  Histogram histogram;
  for (const Nanos value : values) histogram.record(value);
  return histogram;
}

Nanos exact(std::vector<Nanos> values, double quantile) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

TEST(HistogramTest, EveryQuantileIsWithinATenthOfAPercentOfTheSortedValues) {
  const std::vector<Nanos> values = random_values(20'000, 7);
  const Histogram histogram = histogram_of(values);
  for (double quantile = 0.001; quantile <= 1; quantile += 0.001) {
    const auto truth = static_cast<double>(exact(values, quantile));
    const auto read = static_cast<double>(histogram.at(quantile));
    ASSERT_NEAR(read, truth, truth * 0.001) << "at " << quantile;
  }
}

TEST(HistogramTest, ASingleValueOfAnySizeIsReadBackWithinTheBound) {
  for (const Nanos value : {Nanos{0}, Nanos{1}, Nanos{1023}, Nanos{1024}, Nanos{2047}, Nanos{2048},
                            Nanos{2049}, Nanos{4095}, Nanos{4096}, Nanos{999'999'999}, Nanos{1} << 43}) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(value + 1'000'000'000'000);  // so that min and max do not clamp it
    histogram.record(-1);
    const auto truth = static_cast<double>(value);
    EXPECT_NEAR(static_cast<double>(histogram.at(0.6)), truth, truth * 0.0005) << value;
  }
}

TEST(HistogramTest, MergingIsTheSameAsRecordingEverythingInOne) {
  const std::vector<Nanos> some = random_values(1'000, 1);
  const std::vector<Nanos> others = random_values(3'000, 2);
  std::vector<Nanos> all = some;
  all.insert(all.end(), others.begin(), others.end());

  Histogram merged = histogram_of(some);
  merged.merge(histogram_of(others));
  const Histogram whole = histogram_of(all);

  EXPECT_EQ(merged.buckets(), whole.buckets());
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_EQ(merged.min(), whole.min());
  EXPECT_EQ(merged.max(), whole.max());
  EXPECT_NEAR(merged.mean(), whole.mean(), whole.mean() * 1e-12);
}

TEST(HistogramTest, MergingWithAnEmptyOneChangesNothing) {
  Histogram histogram = histogram_of({5, 6});
  histogram.merge(Histogram());
  EXPECT_EQ(histogram.count(), 2U);
  Histogram empty;
  empty.merge(histogram);
  EXPECT_EQ(empty.buckets(), histogram.buckets());
}

TEST(HistogramTest, ItsBucketsRebuildIt) {
  const Histogram histogram = histogram_of(random_values(5'000, 3));
  Histogram rebuilt;
  for (const auto& [lowest, count] : histogram.buckets()) rebuilt.record(lowest, count);
  EXPECT_EQ(rebuilt.buckets(), histogram.buckets());
  EXPECT_EQ(rebuilt.count(), histogram.count());
}

TEST(HistogramTest, NegativeValuesAreCountedApartAndNeverAsZero) {
  const Histogram histogram = histogram_of({-50, -3, 10, 20});
  EXPECT_EQ(histogram.negative(), 2U);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.min(), -50);
  EXPECT_EQ(histogram.at(0.25), -50);
  EXPECT_EQ(histogram.at(1), 20);
  EXPECT_EQ(histogram.buckets(), (std::vector<Histogram::Bucket>{{10, 1}, {20, 1}}));
}

TEST(HistogramTest, APercentileNeedsTenValuesBeyondIt) {
  Histogram histogram;
  histogram.record(100, 999);
  EXPECT_FALSE(histogram.percentile(0.99));
  EXPECT_TRUE(histogram.percentile(0.9));
  histogram.record(100, 1);
  EXPECT_EQ(histogram.percentile(0.99), 100);
  EXPECT_FALSE(histogram.percentile(0.999));
  EXPECT_FALSE(Histogram().percentile(0.5));
}

}  // namespace
}  // namespace wskit::bench
