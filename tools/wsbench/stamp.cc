#include "wsbench/stamp.h"

namespace wskit::bench {
namespace {

char* write_hex(std::uint32_t value, char* out) {
  const std::uint64_t digits = detail::to_hex(value);
  std::memcpy(out, &digits, sizeof digits);
  return out + sizeof digits;
}

}  // namespace

RunText run_text(std::uint32_t run) {
  RunText text{};
  write_hex(run, text.data());
  return text;
}

char* write_stamp(const Stamp& stamp, char* out) {
  const auto due = static_cast<std::uint64_t>(stamp.due);
  const auto sent = static_cast<std::uint64_t>(stamp.sent);
  const char* begin = out;
  out = write_hex(stamp.run, out);
  out = write_hex(
      std::uint32_t{stamp.publisher} << 16 | static_cast<std::uint32_t>(stamp.sequence >> 32 & 0xffff), out);
  out = write_hex(static_cast<std::uint32_t>(stamp.sequence), out);
  out = write_hex(static_cast<std::uint32_t>(due >> 16), out);
  out = write_hex(static_cast<std::uint32_t>((due & 0xffff) << 16 | (sent >> 32 & 0xffff)), out);
  out = write_hex(static_cast<std::uint32_t>(sent), out);
  return write_hex(detail::checksum(begin), out);
}

}  // namespace wskit::bench
