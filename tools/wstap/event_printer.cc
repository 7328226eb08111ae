#include "wstap/event_printer.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/cli/local_time.h"
#include "common/cli/text_width.h"
#include "common/protocol/timestamp.h"
#include "wstap/shape.h"

namespace wskit::tap {
namespace {

constexpr std::size_t kMostBars = 8;
constexpr std::size_t kMostChannelColumns = 32;
constexpr std::size_t kMostTypeColumns = 20;
constexpr std::size_t kNarrowChannelColumns = 14;
constexpr std::size_t kNarrowTypeColumns = 15;
constexpr std::string_view kBetween = "  ";
constexpr std::size_t kSecondColumns = 8;        // 10:00:00
constexpr std::size_t kMillisecondColumns = 12;  // 10:00:00.123

}  // namespace

EventPrinter::EventPrinter(Format format, Terminal terminal)
    : format_(format), terminal_(terminal), bars_(terminal.colored, terminal.bars, kMostBars) {}

EventPrinter::~EventPrinter() = default;

void EventPrinter::hide_live(std::string& out) { bars_.erase(out); }

void EventPrinter::show_live(std::string& out) {
  if (!bars_.empty()) bars_.draw(out, terminal_.width);
}

void EventPrinter::leave_live(std::string& out) {
  if (!bars_.empty()) bars_.leave(out, terminal_.width);
}

void EventPrinter::print_gap(std::string_view channel, const Incident& gap, std::string& out) {
  if (format_ == Format::kJson) {
    out += gap_records(channel, gap);
    return;
  }
  bars_.erase(out);
  const std::string line = fmt::format(
      "{:{}}  {}  {}  {}", "", narrow() ? kSecondColumns : kMillisecondColumns,
      cli::fit_end(cli::printable(channel), channel_columns_),
      paint(cli::fit("gap", type_columns_), Tone::kBad, terminal_.colored), gap.describe(channel));
  put(line, text_begin(), out);
}

std::size_t EventPrinter::text_begin() const {
  const std::size_t time = narrow() ? kSecondColumns : kMillisecondColumns;
  return time + channel_columns_ + type_columns_ + 3 * kBetween.size();
}

void EventPrinter::put(const std::string& line, std::size_t indent, std::string& out) const {
  if (!terminal_.is_terminal) {
    out += line;
  } else if (terminal_.wrap) {
    // Where the columns take most of the line, what follows begins further left.
    out += cli::wrap(line, terminal_.width, indent < terminal_.width / 2 ? indent : std::size_t{2});
  } else {
    out += cli::clip(line, terminal_.width);
  }
  out += '\n';
}

std::string EventPrinter::time_column(std::string_view timestamp, std::string& out) {
  const auto time = protocol::parse_timestamp(timestamp);
  if (!time) return cli::printable(timestamp);
  const cli::LocalMoment moment = terminal_.utc ? cli::utc_moment(*time) : cli::local_moment(*time);
  // In a pipe each event is one line, and nothing else is.
  if (terminal_.is_terminal && (moment.date != date_ || moment.offset != zone_)) {
    std::string line = moment.date;
    if (moment.offset != zone_) {
      line += terminal_.utc ? "  (times are UTC)" : fmt::format("  (times are local, {})", moment.offset);
    }
    put(paint(line, Tone::kQuiet, terminal_.colored), 0, out);
    date_ = moment.date;
    zone_ = moment.offset;
  }
  return moment.clock.substr(0, narrow() ? kSecondColumns : kMillisecondColumns);
}

void EventPrinter::print_pretty(const protocol::EventView& event, std::string& out) {
  bars_.erase(out);
  if (terminal_.bars != Bars::kNone) {
    if (const std::optional<Progress> progress = progress_of(event.type, event.data)) {
      bars_.update(event.channel, *progress, out, terminal_.width);
      return;
    }
    if (ends_progress(event.type)) bars_.finish(event.channel, out, terminal_.width);
  }
  const std::size_t most_channel = narrow() ? kNarrowChannelColumns : kMostChannelColumns;
  const std::size_t most_type = narrow() ? kNarrowTypeColumns : kMostTypeColumns;
  channel_columns_ = std::min(std::max(cli::columns(event.channel), channel_columns_), most_channel);
  type_columns_ = std::min(std::max(event.type.size(), type_columns_), most_type);
  const std::string time = time_column(event.timestamp, out);
  const Shape shape = shape_event(event.type, event.data, terminal_.colored);
  const std::string line =
      fmt::format("{}  {}  {}  {}", paint(time, Tone::kQuiet, terminal_.colored),
                  cli::fit_end(cli::printable(event.channel), channel_columns_),
                  paint(cli::fit(event.type, type_columns_), shape.tone, terminal_.colored), shape.text);
  put(line, text_begin(), out);
}

}  // namespace wskit::tap
