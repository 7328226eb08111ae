#include "wstap/event_printer.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/cli/text_width.h"
#include "wstap/shape.h"

namespace wskit::tap {
namespace {

constexpr std::size_t kMostBars = 8;
constexpr std::size_t kMostChannelColumns = 32;
constexpr std::size_t kMostTypeColumns = 20;

// The time of day of an RFC 3339 timestamp, to the millisecond; else all of it.
std::string time_of_day(std::string_view timestamp) {
  const std::size_t t = timestamp.find_first_of("Tt ");
  if (t == std::string_view::npos || timestamp.size() < t + 9) return std::string(timestamp);
  std::string text(timestamp.substr(t + 1, 8));
  const std::string_view rest = timestamp.substr(t + 9);
  std::string fraction = ".";
  if (rest.starts_with('.')) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    fraction += rest.substr(1, std::min<std::size_t>(digits - 1, 3));
  }
  fraction.resize(4, '0');
  text += fraction;
  return text;
}

}  // namespace

EventPrinter::EventPrinter(Format format, Terminal terminal)
    : format_(format), terminal_(terminal), bars_(terminal.colored, kMostBars) {}

EventPrinter::~EventPrinter() = default;

void EventPrinter::hide_live(std::string& out) { bars_.erase(out); }

void EventPrinter::show_live(std::string& out) {
  if (!bars_.empty()) bars_.draw(out, terminal_.width);
}

void EventPrinter::print_gap(std::string_view channel, const Incident& gap, std::string& out) {
  if (format_ == Format::kJson) {
    out += gap_records(channel, gap);
    return;
  }
  bars_.erase(out);
  const std::string line = fmt::format(
      "{:12}  {}  {}  {}", "", cli::fit(cli::printable(channel), channel_columns_),
      paint(cli::fit("gap", type_columns_), Tone::kBad, terminal_.colored), gap.describe(channel));
  out += terminal_.is_terminal ? cli::clip(line, terminal_.width) : line;
  out += '\n';
}

void EventPrinter::print_pretty(const protocol::EventView& event, std::string& out) {
  bars_.erase(out);
  if (terminal_.live) {
    if (const std::optional<Progress> progress = progress_of(event.type, event.data)) {
      bars_.update(event.channel, *progress, out, terminal_.width);
      return;
    }
    if (ends_progress(event.type)) bars_.finish(event.channel, out, terminal_.width);
  }
  channel_columns_ = std::clamp(cli::columns(event.channel), channel_columns_, kMostChannelColumns);
  type_columns_ = std::clamp(event.type.size(), type_columns_, kMostTypeColumns);
  const Shape shape = shape_event(event.type, event.data, terminal_.colored);
  const std::string line =
      fmt::format("{}  {}  {}  {}", paint(time_of_day(event.timestamp), Tone::kQuiet, terminal_.colored),
                  cli::fit(cli::printable(event.channel), channel_columns_),
                  paint(cli::fit(event.type, type_columns_), shape.tone, terminal_.colored), shape.text);
  out += terminal_.is_terminal ? cli::clip(line, terminal_.width) : line;
  out += '\n';
}

}  // namespace wskit::tap
