#include "wstap/options.h"

#include "common/cli/option_values.h"
#include "common/cli/tool.h"

namespace wskit::tap {
namespace {

void add_select_options(CLI::App& app, TapOptions& options) {
  cli::add_texts(app, "CHANNEL", options.channels, "CHANNEL",
                 "Names (market/AAPL) or patterns: * stands for one segment, ** at the end for one or more; "
                 "none: the server's default channels")
      ->group("Select");
  cli::add_texts(app, "-c,--channel", options.channels, "CHANNEL", "One more CHANNEL")->group("Select");
  cli::add_texts(app, "-e,--event", options.event_types, "TYPE",
                 "Only events of this type. The server filters, so that gaps cannot be told; with --verify, "
                 "--until or --end wstap does, so that they can")
      ->group("Select");
}

void add_range_options(CLI::App& app, TapOptions& options) {
  cli::add_text(
      app, "--from", options.from, "POS",
      "Where to begin: start (the oldest that is held; what is gone before it is a gap), -100 (events "
      "back), -5m, a time since when the server received them (09:30 of today, 2026-11-20, yesterday, "
      "2026-11-20 09:30, all of this machine's zone; 2026-11-20T10:00:00Z, @seconds), an offset or "
      "epoch:offset (behind it), now, or cursor (what --cursor holds, which must hold "
      "something); left out: now")
      ->group("Range");
  cli::add_text(
      app, "--until", options.until, "POS",
      "Stop before the first event after this offset, epoch:offset or time (as --from has it, but of the "
      "events' own timestamps), once every channel has passed it: exit code 0")
      ->group("Range");
  app.add_flag("--end", options.end,
               "Stop at the newest events that existed at the start; where there is nothing to wait for, at "
               "once")
      ->group("Range");
  cli::add_speed(app, "--speed", options.speed,
                 "Play what --from selects at its own pace, by the events' timestamps, times X (60x, 0.5x, "
                 "max), all channels together; then go on live")
      ->group("Range");
  cli::add_choice(app, "--order", options.order,
                  {{"time", ReplayOrder::kTime}, {"channel", ReplayOrder::kChannel}},
                  "How --from replays several channels: together, in the order of the events' timestamps, or "
                  "one after the other, which asks less of the server")
      ->group("Range");
  cli::add_duration(app, "--max-gap", options.max_gap, "With --speed: wait no longer than this for an event")
      ->group("Range");
  cli::add_count(app, "-n,--count", options.count, "End after N printed events")->group("Range");
  cli::add_duration(app, "-W,--timeout", options.timeout,
                    "End after this time, counted from the start, with exit code 5 however many events came")
      ->group("Range");
  cli::add_duration(app, "--idle", options.idle,
                    "End when no event came for this time: exit code 0, or 5 where none ever came")
      ->group("Range");
  cli::add_texts(app, "--until-event", options.until_events, "TYPE", "End after an event of this type")
      ->group("Range");
}

void add_output_options(CLI::App& app, TapOptions& options) {
  cli::add_choice(app, "-o,--output", options.format,
                  {{"auto", Format::kAuto},
                   {"json", Format::kJson},
                   {"data", Format::kData},
                   {"pretty", Format::kPretty},
                   {"none", Format::kNone}},
                  "json: each event as it came; data: its data alone, byte for byte; pretty: a line for "
                  "people; none: only count and check; auto: pretty on a terminal, else json")
      ->group("Output");

  app.add_flag("--utc", options.utc, "pretty: times are of UTC instead of this machine's zone (TZ)")
      ->group("Output");
  app.add_flag("--wrap", options.wrap,
               "pretty: on a terminal, go on in the next line instead of cutting what is too long")
      ->group("Output");
}

void add_integrity_options(CLI::App& app, TapOptions& options) {
  cli::add_text(app, "--cursor", options.cursor, "FILE",
                "Go on where the last run with this file ended (the first one begins at --from), and keep in "
                "it how far each channel was written")
      ->group("Integrity");
  cli::add_choice(
      app, "--on-gap", options.on_gap,
      {{"warn", OnGap::kWarn}, {"fail", OnGap::kFail}, {"emit", OnGap::kEmit}},
      "When events are missing: say so on stderr, end with exit code 7, or print a record of type "
      "gap in their place")
      ->group("Integrity");
  app.add_flag(
         "--verify", options.verify,
         "Check order, gaps, repetitions, epochs and merges: a JSON line on stderr for each incident, a "
         "summary at the end, exit code 7 if there was any")
      ->group("Integrity");
}

void describe(cli::Tool& tool) {
  tool.add_section(
      "Reconnecting",
      "When the connection is lost, wstap comes back, and asks for what it missed by the position "
      "of each channel. What the server cannot give back is named on standard error, with the "
      "channel and the range of offsets: a jump of the offsets is never passed over in silence. "
      "With --event the server leaves events out, so that gaps while connected cannot be told.");
  tool.add_section(
      "Cursors",
      "With --cursor FILE a run goes on where the last one ended. The file is replaced as a whole, at most "
      "ten times a second and at the end, once the records up to its positions were written: after kill -9 "
      "the events of the last tenth of a second may come again, and none is left out. Within a run nothing "
      "is printed twice. Only one wstap can have a cursor. One that is damaged, or that something else "
      "wrote, ends wstap with exit code 8. Positions of channels that are not selected stay in it; channels "
      "that it does not know begin at the time it was saved. With --on-gap fail it stays before the gap.");
  tool.add_section("Signals",
                   "SIGINT and SIGTERM write what was received, close the connection and end wstap by the "
                   "signal; a second one ends it at once. SIGUSR1 prints one line of statistics on standard "
                   "error.");
  tool.add_example("wstap 'market/*'", "watch all channels below market");
  tool.add_example("wstap market/BTC-USD -n 1 -W 5s -o data",
                   "the next event's data, or exit code 5 after 5 s");
  tool.add_example("wstap backtest/42 --until-event session_completed -o json > run.jsonl",
                   "record a backtest until it is over");
  tool.add_example("wstap 'orders/*' --from -100 | grep REJECT", "the last 100 events of each, then live");
  tool.add_example("wstap '**' -o json --cursor rec.cur --on-gap emit >> rec.jsonl",
                   "a recorder that can be stopped and started");
  tool.describe_exit_code(0, "done: N events, --until, --end, --until-event, --idle, or the reader has gone");
  tool.describe_exit_code(1, {});
  tool.describe_exit_code(7, "a gap (--on-gap fail), or an incident (--verify)");
  tool.describe_exit_code(5, "timed out (--timeout), or no event ever came (--idle)");
}

}  // namespace

void add_options(cli::Tool& tool, TapOptions& options) {
  CLI::App& app = tool.app();
  add_select_options(app, options);
  add_range_options(app, options);
  add_output_options(app, options);
  add_integrity_options(app, options);
  cli::add_connect_options(app, options.connect);
  cli::add_choice(app, "--wire", options.wire, {{"json", client::Wire::kJson}, {"cbor", client::Wire::kCbor}},
                  "In which form messages travel; what is printed is the same")
      ->group("Connection");
  tool.complete_channels(options.connect);
  describe(tool);
}

}  // namespace wskit::tap
