#include "wspub/input_mark.h"

#include <zlib.h>

#include <array>
#include <utility>

namespace wskit::pub {
namespace {

std::uint32_t crc(std::uint32_t before, const unsigned char* bytes, std::size_t count) {
  return static_cast<std::uint32_t>(crc32_z(before, bytes, count));
}

}  // namespace

void InputMeter::add(std::string_view part) {
  part_digest_ = crc(part_digest_, reinterpret_cast<const unsigned char*>(part.data()), part.size());
  part_bytes_ += part.size();
}

void InputMeter::end_record() {
  record_digest_ = std::exchange(part_digest_, 0);
  const std::uint64_t bytes = std::exchange(part_bytes_, 0);
  ++mark_.records;
  mark_.bytes += bytes;
  // The records' own checksums and lengths, so that where one ends matters too.
  std::array<unsigned char, 12> summary{};
  for (std::size_t i = 0; i < 4; ++i) summary[i] = static_cast<unsigned char>(record_digest_ >> (8 * i));
  for (std::size_t i = 0; i < 8; ++i) summary[4 + i] = static_cast<unsigned char>(bytes >> (8 * i));
  mark_.digest = crc(mark_.digest, summary.data(), summary.size());
}

}  // namespace wskit::pub
