#include "wsserve/broker/recent_marks.h"

namespace wskit::server::broker {

RecentMarks::Verdict RecentMarks::find(const Recognition& by, protocol::SystemMicros now) {
  if (by.producer != nullptr) return find(**by.producer, by.sequence, now);
  if (by.dedup.empty()) return {};
  const auto first = dedup_.find(by.dedup, age_now(now), limits_);
  if (!first) return {};
  return {.kind = Verdict::Kind::kDuplicate, .offset = *first};
}

RecentMarks::Verdict RecentMarks::find(const Producer& producer, std::int64_t sequence,
                                       protocol::SystemMicros now) {
  if (sequences_ == nullptr) return {};
  return sequences_->check(producer, sequence, age_now(now), limits_);
}

void RecentMarks::add(const Recognition& by, std::uint64_t offset, protocol::SystemMicros now) {
  if (by.producer != nullptr) {
    if (sequences_ == nullptr) sequences_ = std::make_unique<SequenceWindows>(shared_.dedup_ids);
    sequences_->add(*by.producer, by.sequence, offset, now, limits_);
  } else if (!by.dedup.empty()) {
    dedup_.add(by.dedup, offset, now, limits_);
  }
}

void RecentMarks::forget_from(std::uint64_t offset) {
  dedup_.forget_from(offset);
  if (sequences_ != nullptr) sequences_->forget_from(offset);
}

void RecentMarks::expire(protocol::SystemMicros now) {
  dedup_.expire(age_now(now), limits_);
  if (sequences_ == nullptr) return;
  sequences_->expire(age_now(now), limits_);
  if (sequences_->empty()) sequences_.reset();
}

}  // namespace wskit::server::broker
