#include "wsbench/event_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

namespace wskit::bench {
namespace {

constexpr std::string_view kPad = R"({"pad":")";
constexpr std::string_view kStamp = R"(","stamp":")";
constexpr std::string_view kEnd = "\"}";

void append_envelope(std::uint32_t channel, std::uint64_t offset, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 FMT_COMPILE(R"({{"type":"{}","channel":"bench/{}","offset":{},"timestamp":"{}","data":)"),
                 kEventType, channel, offset, kTimestampExample);
}

std::size_t digits(std::uint64_t number) {
  std::size_t count = 1;
  for (; number >= 10; number /= 10) ++count;
  return count;
}

}  // namespace

std::string channel_name(std::uint32_t channel) { return fmt::format("bench/{}", channel); }

std::size_t envelope_bytes(std::uint32_t channel, std::uint64_t offset) {
  static const std::size_t fixed = [] {
    std::string envelope;
    append_envelope(0, 0, envelope);
    return envelope.size() - 2 + 1;  // without the two digits, and with the last brace
  }();
  return fixed + digits(channel) + digits(offset);
}

std::size_t unpadded_data_bytes() { return kPad.size() + kStamp.size() + kStampBytes + kEnd.size(); }

void append_event_data(const Stamp& stamp, std::size_t pad_bytes, std::string& out) {
  out.append(kPad).append(pad_bytes, 'x').append(kStamp);
  char text[kStampBytes];
  write_stamp(stamp, text);
  out.append(text, kStampBytes).append(kEnd);
}

void append_delivered_event(std::uint32_t channel, std::uint64_t offset, const Stamp& stamp,
                            std::size_t pad_bytes, std::string& out) {
  append_envelope(channel, offset, out);
  append_event_data(stamp, pad_bytes, out);
  out.push_back('}');
}

}  // namespace wskit::bench
