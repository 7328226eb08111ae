#include "wsserve/store/row_checksum.h"

// The library's own way to be compiled into what uses it: no call a row.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>
#include <string>

namespace wskit::server::store {
namespace {

// Most rows fit, and then nothing is allocated.
constexpr std::size_t kUsualBytes = 512;
constexpr std::size_t kRowNumberBytes = 3 * sizeof(std::uint64_t);

std::uint64_t little_endian(std::uint64_t number) {
  return std::endian::native == std::endian::little ? number : __builtin_bswap64(number);
}

char* put(char* out, std::uint64_t number) {
  number = little_endian(number);
  std::memcpy(out, &number, sizeof(number));
  return out + sizeof(number);
}

char* put(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return out + text.size() + 1;
}

}  // namespace

std::int64_t checksum_of(const RowContent& row) {
  const std::size_t bytes =
      kRowNumberBytes + row.type.size() + row.timestamp.size() + row.key.size() + row.dedup.size() + 4;
  std::array<char, kUsualBytes> usual;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  std::string large;
  char* begin = usual.data();
  if (bytes > usual.size()) {
    large.resize(bytes);
    begin = large.data();
  }
  char* out = put(begin, static_cast<std::uint64_t>(row.id));
  out = put(out, static_cast<std::uint64_t>(row.received));
  out = put(out, XXH3_64bits(row.data.data(), row.data.size()));
  for (const std::string_view text : {row.type, row.timestamp, row.key, row.dedup}) out = put(out, text);
  return static_cast<std::int64_t>(XXH3_64bits(begin, bytes));
}

}  // namespace wskit::server::store
