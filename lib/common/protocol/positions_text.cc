#include "common/protocol/positions_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/protocol/channel.h"
#include "common/protocol/event.h"
#include "common/protocol/quote.h"

namespace wskit::protocol {
namespace {

Error bad_positions(std::string_view part, std::string_view reason) {
  return {ErrorCode::kBadCommand,
          fmt::format("the positions {} {}; write *@SECONDS*EPOCH:OFFSET=CHANNEL*…, as a server gave it",
                      quote(part), reason),
          ""};
}

// `E:N`, or `N` with the epoch of the position before.
std::optional<Position> parse_position(std::string_view text, const std::string& epoch_before) {
  Position position{.offset = 0, .epoch = epoch_before};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    position.epoch = std::string(text.substr(0, colon));
    if (!is_valid_type(position.epoch)) return std::nullopt;
    text.remove_prefix(colon + 1);
  }
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, position.offset);
  if (text.empty() || error != std::errc() || last != end) return std::nullopt;
  return position;
}

bool is_escaped(char c) { return c == '%' || static_cast<unsigned char>(c) >= 0x80; }

void append_escaped(std::string& out, std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : name) {
    if (!is_escaped(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
}

// A percent sign without two digits behind it stands for itself.
std::string unescaped(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      name += static_cast<char>(byte);
      i += 2;
    } else {
      name += text[i];
    }
  }
  return name;
}

}  // namespace

Result<FromPositions> parse_positions_text(std::string_view text) {
  FromPositions from;
  std::string epoch;
  bool first = true;
  text.remove_prefix(1);
  while (!text.empty()) {
    const std::size_t star = std::min(text.find('*'), text.size());
    const std::string_view part = text.substr(0, star);
    text.remove_prefix(std::min(star + 1, text.size()));
    if (first && part.starts_with('@')) {
      // Nothing here counts back from now.
      from.time = parse_time_text(part, SystemMicros{});
      if (!from.time) return bad_positions(part, "are no time");
      first = false;
      continue;
    }
    first = false;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return bad_positions(part, "name no channel behind a =");
    const std::optional<Position> position = parse_position(part.substr(0, equals), epoch);
    if (!position) return bad_positions(part, "have no offset in front of the =");
    const std::string channel = unescaped(part.substr(equals + 1));
    if (const Result<void> checked = check_channel(channel); !checked) return checked.error();
    epoch = position->epoch;
    if (!from.positions.emplace(channel, *position).second) {
      return bad_positions(part, "name a channel that was there before");
    }
  }
  return from;
}

PositionsTextWriter::PositionsTextWriter(std::string& out, std::optional<SystemMicros> time) : out_(out) {
  out_ += '*';
  if (!time) return;
  const auto micros = std::max<std::int64_t>(0, time->time_since_epoch().count());
  out_ += fmt::format("@{}.{:06}", micros / 1'000'000, micros % 1'000'000);
  empty_ = false;
}

void PositionsTextWriter::add(std::string_view channel, std::string_view epoch, std::uint64_t offset) {
  if (!empty_) out_ += '*';
  empty_ = false;
  if (epoch != epoch_) {
    out_ += epoch;
    out_ += ':';
    epoch_ = epoch;
  }
  fmt::format_to(std::back_inserter(out_), "{}=", offset);
  append_escaped(out_, channel);
}

std::size_t positions_text_bytes(std::string_view channel) {
  return channel.size() + 2 * static_cast<std::size_t>(std::ranges::count_if(channel, is_escaped));
}

}  // namespace wskit::protocol
