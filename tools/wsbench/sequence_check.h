// What one subscriber got of one publisher on one channel: every event once and in
// order, or what is wrong.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace wskit::bench {

// Deliveries that went wrong. An event that came too late, but came, is reordered
// and not lost.
struct Faults {
  std::uint64_t lost = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupt = 0;

  [[nodiscard]] bool any() const { return lost + duplicate + reordered + corrupt != 0; }
  Faults& operator+=(const Faults& other) {
    lost += other.lost;
    duplicate += other.duplicate;
    reordered += other.reordered;
    corrupt += other.corrupt;
    return *this;
  }
};

class SequenceCheck {
 public:
  // The events to come have the numbers first, first + step, ….
  SequenceCheck(std::uint64_t first, std::uint32_t step) : expected_(first), step_(step) {}

  enum class Verdict : std::uint8_t {
    kNext,       // the one that was due
    kAhead,      // it is new, and those that were due before it are missing
    kLate,       // it was missing and has come after all
    kDuplicate,  // it had been here before
    kForeign,    // no number of this channel
  };

  [[nodiscard]] Verdict accept(std::uint64_t sequence) {
    if (sequence == expected_) [[likely]] {
      expected_ += step_;
      return Verdict::kNext;
    }
    return accept_other(sequence);
  }

  // The number that is due, and the distance to the one after it.
  [[nodiscard]] std::uint64_t expected() const { return expected_; }
  [[nodiscard]] std::uint32_t step() const { return step_; }

  // What is missing for good if the publisher sent `end` events over all channels.
  [[nodiscard]] std::uint64_t lost(std::uint64_t end) const;
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }
  [[nodiscard]] std::uint64_t reordered() const { return reordered_; }

 private:
  [[nodiscard]] Verdict accept_other(std::uint64_t sequence);

  std::uint64_t expected_;
  std::uint32_t step_;
  std::uint32_t duplicates_ = 0;
  std::uint32_t reordered_ = 0;
  // Missing events as [from, to), both of this channel's numbers, ascending.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> missing_;
};

}  // namespace wskit::bench
