#include "common/protocol/positions_text.h"

#include <fmt/format.h>

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
    const std::string channel(part.substr(equals + 1));
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
  out_ += channel;
}

std::string to_text(const FromPositions& from) {
  std::string text;
  PositionsTextWriter writer(text, from.time);
  // Those of whichever epoch first, for later ones would take over the one before.
  for (const bool with_epoch : {false, true}) {
    for (const auto& [channel, position] : from.positions) {
      if (position.epoch.empty() != with_epoch) writer.add(channel, position.epoch, position.offset);
    }
  }
  return text;
}

}  // namespace wskit::protocol
