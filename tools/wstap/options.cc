#include "wstap/options.h"

#include "common/cli/option_values.h"
#include "common/cli/tool.h"

namespace wskit::tap {

void add_options(cli::Tool& tool, TapOptions& options) {
  CLI::App& app = tool.app();
  cli::add_texts(app, "CHANNEL", options.channels, "CHANNEL",
                 "Names (market/AAPL) or patterns: * stands for one segment, ** at the end for one or more; "
                 "none: the server's default channels")
      ->group("Select");
  cli::add_texts(app, "-c,--channel", options.channels, "CHANNEL", "One more CHANNEL")->group("Select");
  cli::add_texts(app, "-e,--event", options.event_types, "TYPE",
                 "Only events of this type; the server filters. Gaps cannot be told then")
      ->group("Select");

  cli::add_count(app, "-n,--count", options.count, "End after N printed events")->group("Range");
  cli::add_duration(app, "-W,--timeout", options.timeout,
                    "End after this time, counted from the start, with exit code 5 however many events came")
      ->group("Range");
  cli::add_duration(app, "--idle", options.idle,
                    "End when no event came for this time: exit code 0, or 5 where none ever came")
      ->group("Range");
  cli::add_texts(app, "--until-event", options.until_events, "TYPE", "End after an event of this type")
      ->group("Range");

  cli::add_choice(app, "-o,--output", options.format,
                  {{"auto", Format::kAuto},
                   {"json", Format::kJson},
                   {"data", Format::kData},
                   {"pretty", Format::kPretty},
                   {"none", Format::kNone}},
                  "json: each event as it came; data: its data alone, byte for byte; pretty: a line for "
                  "people; none: only count and check; auto: pretty on a terminal, else json")
      ->group("Output");

  cli::add_connect_options(app, options.connect);

  tool.add_section(
      "Reconnecting",
      "When the connection is lost, wstap comes back, and asks for what it missed by the position "
      "of each channel. What the server cannot give back is named on standard error, with the "
      "channel and the range of offsets: a jump of the offsets is never passed over in silence. "
      "With --event the server leaves events out, so that gaps while connected cannot be told.");
  tool.add_section("Signals",
                   "SIGINT and SIGTERM write what was received, close the connection and end wstap by the "
                   "signal; a second one ends it at once. SIGUSR1 prints one line of statistics on standard "
                   "error.");
  tool.add_example("wstap 'market/*'", "Watch all channels below market.");
  tool.add_example("wstap market/BTC-USD -n 1 -W 5s -o data",
                   "The next event's data, or exit code 5 after 5 s.");
  tool.add_example("wstap backtest/42 --until-event session_completed -o json > run.jsonl",
                   "Record a backtest until it is over.");
  tool.describe_exit_code(0, "done: N events, --until-event, --idle, or the reader of the output has gone");
  tool.describe_exit_code(1, {});
  tool.describe_exit_code(7, {});
  tool.describe_exit_code(5, "timed out (--timeout), or no event ever came (--idle)");
}

}  // namespace wskit::tap
