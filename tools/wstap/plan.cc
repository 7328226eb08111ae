#include "wstap/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/cli/connect_options.h"
#include "common/cli/local_time.h"
#include "common/cli/tool.h"
#include "common/cli/values.h"
#include "common/protocol/channel.h"
#include "common/protocol/quote.h"
#include "wstap/quiet.h"

namespace wskit::tap {
namespace {

using protocol::FromNow;
using protocol::Position;
using protocol::Since;
using protocol::SystemMicros;

constexpr std::string_view kCursor = "cursor";

[[noreturn]] void refuse(std::string message) { throw cli::UsageError(std::move(message)); }

// A date or a time of day, as people write it: of this machine's zone where it names none.
std::optional<SystemMicros> wall_time(std::string_view option, const std::string& text, SystemMicros now) {
  if (!cli::looks_like_local_time(text)) return std::nullopt;
  if (const auto exact = protocol::parse_timestamp(text)) return *exact;
  const cli::ValueResult<SystemMicros> time = cli::parse_local_time(text, now);
  if (!time) refuse(fmt::format("{}: {}", option, time.error().message));
  return *time;
}

Since parse_from(const TapOptions& options, SystemMicros now) {
  if (options.from.empty() || options.from == kCursor) return FromNow{};
  if (const auto time = wall_time("--from", options.from, now)) return *time;
  const auto since = protocol::parse_since_text(options.from, now);
  if (!since) {
    refuse(fmt::format(
        "--from: {} is no position: write start, now, cursor, a number of events back (-100), a time back "
        "(-5m), a time (09:30, 2026-11-20, 2026-11-20T10:00:00Z), an offset (42) or epoch:offset",
        protocol::quote(options.from)));
  }
  return *since;
}

std::optional<Until> parse_until(const TapOptions& options, SystemMicros now) {
  if (options.end && !options.until.empty()) {
    refuse("--end and --until exclude each other: --end is --until now");
  }
  if (options.end || options.until == "now") return UntilNewest{};
  if (options.until.empty()) return std::nullopt;
  if (const auto time = wall_time("--until", options.until, now)) return *time;
  const auto position = protocol::parse_since_text(options.until, now);
  if (position) {
    if (const auto* time = std::get_if<SystemMicros>(&*position)) return *time;
    const auto* offset = std::get_if<Position>(&*position);
    if (offset != nullptr && offset->offset > 0) return *offset;
  }
  refuse(
      fmt::format("--until: {} is no end: write the offset of the last event (42), epoch:offset, a time "
                  "(17:00, 2026-11-20, 2026-11-20T10:00:00Z, -5m), or now; -n ends after a number of events",
                  protocol::quote(options.until)));
}

// How a date or a time of day was understood; empty: none was given, or with its zone.
std::string told_time(std::string_view word, const std::string& text, const SystemMicros* time,
                      SystemMicros now) {
  if (time == nullptr || !cli::looks_like_local_time(text) || protocol::parse_timestamp(text)) return {};
  return fmt::format(" {} {}{}", word, cli::format_local_time(*time),
                     word == "from" && *time > now ? ", which is to come" : "");
}

std::string told_range(const TapOptions& options, const Since& from, const std::optional<Until>& until,
                       SystemMicros now) {
  return told_time("from", options.from, std::get_if<SystemMicros>(&from), now) +
         told_time("until", options.until, until ? std::get_if<SystemMicros>(&*until) : nullptr, now);
}

// A time of the wall and one of the events' own may well be in this order: times
// are compared only where both count back from now, or neither does.
bool written_alike(const TapOptions& options) {
  return options.from.starts_with('-') == options.until.starts_with('-');
}

void check_order(const TapOptions& options, const Since& from, const std::optional<Until>& until) {
  if (!until) return;
  const auto* from_time = std::get_if<SystemMicros>(&from);
  const auto* until_time = std::get_if<SystemMicros>(&*until);
  const auto* from_offset = std::get_if<Position>(&from);
  const auto* until_offset = std::get_if<Position>(&*until);
  const bool times =
      from_time != nullptr && until_time != nullptr && *until_time < *from_time && written_alike(options);
  const bool offsets = from_offset != nullptr && until_offset != nullptr &&
                       from_offset->epoch == until_offset->epoch &&
                       until_offset->offset <= from_offset->offset;
  if (times || offsets) refuse("--until ends before --from begins: nothing can be printed");
}

// Without a place in the past, what ends now or in the past is over already.
void check_beginning(const TapOptions& options, const Since& from, const std::optional<Until>& until,
                     SystemMicros now) {
  if (!std::holds_alternative<FromNow>(from) || !options.cursor.empty()) return;
  if (options.speed) refuse("--speed plays history: say from where, as in --from -1h");
  if (!until || std::holds_alternative<Position>(*until)) return;
  const auto* time = std::get_if<SystemMicros>(&*until);
  if (time != nullptr && *time > now) return;
  refuse(fmt::format("{} alone prints nothing: say where to begin, as in --from start",
                     options.end ? "--end" : "--until in the past"));
}

void check_alone(const TapOptions& options, Format format) {
  if (options.count && *options.count == 0) refuse("--count must be at least 1");
  if (options.from == kCursor && options.cursor.empty()) {
    refuse("--from cursor: name the file, as in --cursor tap.cur");
  }
  if (options.max_gap && !options.speed) {
    refuse("--max-gap shortens the pauses of --speed: give a speed, as in --speed 1x");
  }
  if (options.on_gap == OnGap::kEmit && (format == Format::kData || format == Format::kNone)) {
    refuse("--on-gap emit puts records among the events: use -o json (or pretty), or --on-gap warn");
  }
}

// Loads the cursor, and begins there if it has a place.
void open_cursor(const TapOptions& options, TapPlan& plan) {
  const std::string url = plan.subscriber.client.url.display();
  CursorResult<CursorFile> file = CursorFile::open(options.cursor, url);
  if (!file) throw CursorFailure(file.error().message);
  if (file->since()) {
    plan.subscriber.from = *file->since();
    plan.told_range.clear();
  } else if (options.from == kCursor) {
    refuse(
        fmt::format("--from cursor: {} holds no position yet; say where the first run is to begin, as in "
                    "--from start, and later ones go on from the cursor by themselves",
                    options.cursor));
  }
  if (file->since() && !file->saved_url().empty() && file->saved_url() != url) {
    plan.cursor_warning =
        fmt::format("the cursor {} was written for {}: what this server does not know shows as gaps",
                    options.cursor, file->saved_url());
  }
  plan.cursor.emplace(std::move(*file));
}

// What an address asks for is a subscription of its own, whose events are not those that
// wstap subscribes and prints: said there, it would be passed over, or taken for gaps.
void check_address(std::string_view target) {
  std::string_view query = target.substr(std::min(target.find('?'), target.size()));
  while (!query.empty()) {
    query.remove_prefix(1);
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view name = query.substr(0, std::min(query.find('='), end));
    if (name == "since") refuse("say where to begin with --from, not with since= in the address");
    if (name == "events") refuse("say which types with --event, not with events= in the address");
    query.remove_prefix(end);
  }
}

// Of what several channels hold, the order of time is what people expect. Positions
// of a cursor go on where they were, each channel by itself.
bool merges(const TapOptions& options, const TapPlan& plan) {
  const bool several = options.channels.size() != 1 || protocol::looks_like_pattern(options.channels.front());
  const protocol::Since& from = plan.subscriber.from;
  const bool placed =
      std::holds_alternative<FromNow>(from) || std::holds_alternative<protocol::FromPositions>(from);
  return several && !placed && !options.speed && options.order == ReplayOrder::kTime;
}

// The right spelling of a pattern that another system has; empty: none is wrong.
std::string respelled(const TapOptions& options) {
  for (const std::string& channel : options.channels) {
    const std::string here = here_spelled(channel);
    if (!here.empty() && !protocol::Pattern::parse(channel)) return fmt::format("; write {}", here);
  }
  return {};
}

std::vector<std::string> hints(const TapOptions& options) {
  std::vector<std::string> hints;
  for (const std::string& channel : options.channels) {
    if (const std::string here = here_spelled(channel); !here.empty()) {
      hints.push_back(fmt::format("{} is the name of one channel here; the pattern is {}", channel, here));
    }
    if (const std::string_view meant = meant_by(channel); !meant.empty()) {
      hints.push_back(fmt::format("{} is taken for the name of a channel; {}", channel, meant));
    }
  }
  return hints;
}

}  // namespace

TapPlan make_plan(const TapOptions& options, Format format, SystemMicros now) {
  check_alone(options, format);
  const std::optional<Until> until = parse_until(options, now);
  const Since from = parse_from(options, now);
  check_order(options, from, until);
  check_beginning(options, from, until, now);

  // Where every offset counts, wstap itself leaves out the types that are not wanted.
  const bool counts = until || options.verify;
  const auto selection = Selection::make(options.channels, options.event_types, options.until_events,
                                         counts ? TypeFilter::kHere : TypeFilter::kServer);
  if (!selection) refuse(selection.error().message + respelled(options));
  cli::ValueResult<client::ClientOptions> client = cli::client_options(options.connect);
  if (!client) refuse(client.error().message);
  client->wire = options.wire;
  check_address(client->url.target);

  TapPlan plan{.subscriber = {.client = std::move(*client), .selection = *selection, .from = from},
               .cursor = std::nullopt,
               .cursor_warning = {},
               .told_range = told_range(options, from, until, now),
               .hints = hints(options)};
  plan.subscriber.until = until;
  if (options.speed) plan.subscriber.pace = Pace{.speed = *options.speed, .max_gap = options.max_gap};
  if (!options.cursor.empty()) open_cursor(options, plan);
  if (merges(options, plan)) {
    plan.subscriber.pace = Pace{.speed = std::numeric_limits<double>::infinity()};
    plan.subscriber.pace_is_a_wish = true;
  }
  if (options.speed && std::holds_alternative<FromNow>(plan.subscriber.from)) {
    refuse("--speed plays history: say from where the first run is to begin, as in --from -1h");
  }
  return plan;
}

}  // namespace wskit::tap
