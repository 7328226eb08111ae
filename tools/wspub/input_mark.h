// A place in an input, and what tells this input from another one up to there.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string_view>

namespace wskit::pub {

// After `records` records: the bytes that they have, separators not counted, and
// a checksum of them in their order.
struct InputMark {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint32_t digest = 0;

  bool operator==(const InputMark&) const = default;
};

// Moves a mark along an input, record by record.
class InputMeter {
 public:
  // A record in one or more parts; end_record() completes it.
  void add(std::string_view part);
  void end_record();

  // After the last complete record.
  [[nodiscard]] const InputMark& mark() const { return mark_; }
  // The checksum of the last complete record alone.
  [[nodiscard]] std::uint32_t record_digest() const { return record_digest_; }

 private:
  InputMark mark_;
  std::uint32_t part_digest_ = 0;
  std::uint64_t part_bytes_ = 0;
  std::uint32_t record_digest_ = 0;
};

}  // namespace wskit::pub
