#include "wsbench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace wskit::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = bits > kSubBucketBits + 1 ? bits - kSubBucketBits - 1 : 0;
  const std::uint64_t bucket = shift * kSubBuckets + (value >> shift);
  return std::min<std::size_t>(bucket, kBuckets - 1);
}

std::uint64_t Histogram::width_of(std::size_t bucket) {
  return bucket < 2 * kSubBuckets ? 1 : std::uint64_t{1} << (bucket / kSubBuckets - 1);
}

std::uint64_t Histogram::lowest_of(std::size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  return (bucket % kSubBuckets + kSubBuckets) * width_of(bucket);
}

void Histogram::record(Nanos value, std::uint64_t times) {
  if (count_ == 0) {
    counts_.resize(kBuckets);
    min_ = max_ = value;
  }
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
  sum_ += static_cast<double>(value) * static_cast<double>(times);
  if (value < 0) {
    negative_ += times;
  } else {
    counts_[bucket_of(static_cast<std::uint64_t>(value))] += times;
  }
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(), std::plus<>{});
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  negative_ += other.negative_;
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

Nanos Histogram::at(double quantile) const {
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  std::uint64_t seen = negative_;
  if (rank <= seen) return min_;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) {
      const auto middle = static_cast<Nanos>(lowest_of(bucket) + width_of(bucket) / 2);
      return std::clamp(middle, min_, max_);
    }
  }
  return max_;
}

std::optional<Nanos> Histogram::percentile(double quantile) const {
  // A hair less than the exact bound, so that 1 - 0.99 not being 0.01 is no reason.
  if (count_ == 0 || static_cast<double>(count_) * (1 - quantile) < 10 - 1e-6) return std::nullopt;
  return at(quantile);
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> filled;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    if (counts_[bucket] != 0) filled.emplace_back(static_cast<Nanos>(lowest_of(bucket)), counts_[bucket]);
  }
  return filled;
}

}  // namespace wskit::bench
