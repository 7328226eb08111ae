#include "wspub/options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/cli/option_values.h"
#include "common/protocol/channel_template.h"
#include "common/protocol/event.h"
#include "common/protocol/quote.h"

namespace wskit::pub {
namespace {

constexpr std::string_view kSetAsidePrefix = "dlq=";
constexpr std::string_view kSpillPrefix = "spill=";
constexpr const char* kWithoutEnd = "inf";
constexpr std::string_view kNoType = "none";

// Something that can be read; a folder is none.
bool is_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return std::filesystem::exists(status) && !std::filesystem::is_directory(status);
}

void add_route_options(CLI::App& app, PubOptions& options) {
  const auto route = [](CLI::Option* option) { option->group("Route"); };
  route(cli::add_text(app, "CHANNEL", options.first_operand, "CHANNEL",
                      "Where the lines go: a name, or a template over fields of the line, as in "
                      "market/{symbol} or fills/{strategy}/{order.symbol}. Left out: each line names its "
                      "own in \"channel\", as wstap -o json prints them. An only operand that is a file is a "
                      "FILE"));
  route(cli::add_texts(app, "FILE", options.files, "FILE", "Read these instead of stdin; - is stdin"));
  route(cli::add_texts(app, "--file", options.named_files, "FILE",
                       "The same, whatever else it could be taken for; may be given more than once"));
  route(cli::add_text(app, "-c,--channel", options.channel, "CHANNEL",
                      "The channel; every operand is then a FILE"));
  route(
      cli::add_text(app, "--channel-from", options.channel_from, "PATH",
                    "Take the whole channel from this field, as in .route or .message.feed; every operand is "
                    "then a FILE"));
  route(cli::add_text(app, "--replace-with", options.replace_with, "TEXT",
                      "Put TEXT for each character of a field in CHANNEL that a segment cannot hold: with - "
                      "BTC/USD becomes BTC-USD. {symbol|segment} is the way that can be undone: BTC~2FUSD"));
  route(cli::add_text(app, "-t,--type", options.type, "NAME",
                      "The events' type (default: the line's own \"type\", else message)"));
  route(cli::add_text(app, "--type-from", options.type_from, "PATH",
                      "Take the type from this field; none: lines do not say it, and it is message"));
  route(cli::add_text(app, "--key-from", options.key_from, "PATH",
                      "Take the key, by which a channel may merge events, from this field"));
  route(cli::add_text(app, "--time-from", options.time_from, "PATH",
                      "Take the timestamp from this field: RFC 3339, or Unix time in s, ms, us or ns, as a "
                      "number or a string of digits"));
  route(cli::add_text(
      app, "--data-from", options.data_from, "PATH",
      "Publish this field instead of the line's \"data\" or the whole line; . is the whole line"));
}

void add_input_options(CLI::App& app, PubOptions& options) {
  const auto input = [](CLI::Option* option) { option->group("Input"); };
  input(
      cli::add_texts(app, "-m,--message", options.messages, "TEXT", "Publish this instead of reading lines"));
  input(app.add_flag("-0,--null", options.nul, "Records end with NUL instead of a newline"));
  input(app.add_flag("--whole", options.whole, "The whole input is one record"));
  input(cli::add_choice(app, "--input", options.input,
                        {{"json", InputKind::kJson}, {"text", InputKind::kText}},
                        "Lines are JSON, or text that becomes a JSON string"));
  input(
      cli::add_text(app, "--on-invalid", options.on_invalid, "fail|skip|dlq=FILE",
                    "A line that cannot be published: stop at it, skip and count it, or append it to FILE"));
  input(
      app.add_flag("--follow", options.follow,
                   "Go on with what is appended to the last FILE, also when it is replaced, until a signal"));
  input(cli::add_size(app, "--max-line", options.max_line, "A longer line is invalid, never split"));
}

// `--loop rec.jsonl`: the next word is an operand where it is no number.
void take_loop(const CLI::App& app, const std::string& word, PubOptions& options) {
  const bool is_number = !word.empty() && word.front() >= '0' && word.front() <= '9';
  options.loop = word.empty() ? kWithoutEnd : word;
  if (word.empty() || word == kWithoutEnd || (is_number && !is_file(word))) return;
  if (cli::parse_count(word)) return;
  options.loop = kWithoutEnd;
  options.loop_operand = PubOptions::Operand{.text = word};
  for (const CLI::Option* const option : app.parse_order()) {
    if (option->check_name("--loop")) break;
    if (option->get_positional()) ++options.loop_operand->before;
  }
}

CLI::Option* add_loop(CLI::App& app, PubOptions& options) {
  CLI::Option* option = app.add_option(
      "--loop",
      [&app, &options](const CLI::results_t& results) {
        take_loop(app, results.back(), options);
        return true;
      },
      "Publish the input N times, one pass behind the other; without N, or with inf, without end. Input must "
      "be files");
  return option->type_name("N")->expected(0, 1);
}

void add_pace_options(CLI::App& app, PubOptions& options) {
  const auto pace = [](CLI::Option* option) { option->group("Pace"); };
  pace(cli::add_rate(app, "--rate", options.rate,
                     "Publish at most so many lines a second, evenly, also after the server was away"));
  pace(cli::add_count(app, "--burst", options.burst,
                      "With --rate: so many lines may go at once after a break (default 1)"));
  pace(cli::add_text(
      app, "--replay", options.replay, "PATH",
      "Publish each line when its turn has come by its own time at PATH, as in .time or "
      ".timestamp: RFC 3339, or Unix time in s, ms, us or ns. A line without a time is invalid; "
      "one with a time before that of an earlier line goes right behind the line before it"));
  pace(cli::add_speed(app, "--speed", options.speed,
                      "With --replay: so many times as fast as it was recorded; max: without waiting"));
  pace(cli::add_duration(app, "--max-gap", options.max_gap,
                         "With --replay: never wait longer than this for the next line"));
  pace(cli::add_text(
      app, "--shift-time", options.shift_time, "TIME",
      "With --replay: move the events' timestamps so that the first one is TIME: now, RFC 3339, "
      "-5m or @1700000000. Their data stays as it is"));
  add_loop(app, options)->group("Pace");
}

void add_acknowledgement_options(CLI::App& app, PubOptions& options) {
  const auto acks = [](CLI::Option* option) { option->group("Acknowledgements"); };
  acks(cli::add_choice(app, "--ack", options.ack,
                       {{"server", Acknowledge::kServer}, {"none", Acknowledge::kNone}},
                       "Wait for the server's word for each line, or only send"));
  acks(cli::add_count(app, "--window", options.window,
                      "Lines on their way at most; when it is full, no input is read"));
  acks(cli::add_duration(app, "--ack-timeout", options.ack_timeout,
                         "Connect again when an answer takes longer"));
  acks(app.add_flag("--dedup,!--no-dedup", options.dedup,
                    "Mark each event so that sending it again after a reconnect cannot publish it twice")
           ->default_str("true"));
  acks(cli::add_text(
      app, "--journal", options.journal, "FILE",
      "Keep in FILE how far the input has been acknowledged, and go on from there: after kill -9, "
      "the same command with the same input publishes each line exactly once"));
}

void add_queue_options(CLI::App& app, PubOptions& options) {
  const auto queue = [](CLI::Option* option) { option->group("While the server is away"); };
  queue(
      cli::add_count(app, "--queue", options.queue,
                     "Lines that are read from a pipe and wait in memory, beyond those of --window (64MiB at "
                     "most; default 1000, with --on-full spill none); files are not read meanwhile"));
  queue(cli::add_text(app, "--on-full", options.on_full, "block|drop-oldest|spill=FILE",
                      "When the queue is full: read nothing more, drop and count the oldest line in it "
                      "(exit code 7), or keep further lines in FILE"));
}

void add_output_options(CLI::App& app, PubOptions& options) {
  const auto output = [](CLI::Option* option) { option->group("Output"); };
  output(app.add_flag("--receipts", options.receipts,
                      "Print a JSON line for each acknowledged line: line, channel, offset, epoch"));
  output(app.add_flag("--tee", options.tee, "Copy the input to stdout"));
  output(app.add_flag("--stats{1s}", options.stats,
                      "Print a line of statistics on stderr every T; alone, every second")
             ->type_name("T"));
  output(app.add_flag("--dry-run", options.dry_run, "Print the events instead of publishing them"));
}

[[noreturn]] void refuse(std::string message) { throw cli::UsageError(std::move(message)); }

std::optional<protocol::JsonPath> path(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto parsed = protocol::JsonPath::parse(text);
  if (!parsed) refuse(fmt::format("{}: {}", option, parsed.error().message));
  return *std::move(parsed);
}

// The channel and the files, wherever they were typed.
struct Operands {
  std::string channel;
  std::vector<std::string> files;
  bool lone_file = false;  // the only operand, which could have been the channel
};

// Whether an only operand is what to read. Text names no channel, so that there it can
// only be the channel; and what is published is given by --message and --file.
bool is_lone_file(const PubOptions& options, const std::string& operand) {
  if (!options.messages.empty() || !options.named_files.empty()) return false;
  return options.input == InputKind::kJson && (operand == "-" || is_file(operand));
}

Operands sort_operands(const PubOptions& options) {
  std::vector<std::string> words = options.files;
  if (!options.first_operand.empty()) words.insert(words.begin(), options.first_operand);
  if (const auto& word = options.loop_operand) {
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(std::min(word->before, words.size())),
                 word->text);
  }
  Operands operands{options.channel, {}};
  const bool names_channel = options.channel.empty() && options.channel_from.empty() && !words.empty();
  if (names_channel && words.size() == 1 && is_lone_file(options, words.front())) {
    operands.lone_file = true;
  } else if (names_channel) {
    operands.channel = words.front();
    words.erase(words.begin());
    if (!words.empty() && is_file(operands.channel)) {
      refuse(
          fmt::format("{} is a file, and stands where the channel does: name the channel with --channel, or "
                      "each file with --file where each line has its own channel",
                      protocol::quote(operands.channel)));
    }
  }
  operands.files = std::move(words);
  operands.files.insert(operands.files.end(), options.named_files.begin(), options.named_files.end());
  return operands;
}

void check_replacement(const std::string& text, const MappingOptions& mapping) {
  if (text.empty()) return;
  if (!mapping.channel || mapping.channel->is_fixed()) {
    refuse("--replace-with is for the fields in CHANNEL, as in market/{symbol}, and there are none");
  }
  if (const std::string why = protocol::segment_fault(text, false); !why.empty()) {
    refuse(fmt::format("--replace-with: a segment cannot hold {}, either: {}", protocol::quote(text), why));
  }
}

MappingOptions mapping(const PubOptions& options, const std::string& channel) {
  MappingOptions mapping;
  mapping.input = options.input;
  mapping.channel_from = path("--channel-from", options.channel_from);
  mapping.own_type = options.type_from != kNoType;
  if (mapping.own_type) mapping.type_from = path("--type-from", options.type_from);
  mapping.whole = options.whole;
  mapping.key_from = path("--key-from", options.key_from);
  mapping.time_from = path("--time-from", options.time_from);
  mapping.data_from = path("--data-from", options.data_from);
  mapping.replay_by = path("--replay", options.replay);
  mapping.type = options.type;
  if (!channel.empty()) {
    if (mapping.channel_from) refuse("--channel and --channel-from exclude each other");
    auto parsed = ChannelTemplate::parse(channel, options.replace_with);
    if (!parsed) refuse(parsed.error().message);
    mapping.channel = *std::move(parsed);
  }
  check_replacement(options.replace_with, mapping);
  if (!mapping.type.empty()) {
    if (!options.type_from.empty()) refuse("--type and --type-from exclude each other");
    if (!protocol::is_valid_type(mapping.type)) {
      refuse(fmt::format("--type: {} is not 1 to {} characters of A-Z a-z 0-9 _ . : -",
                         protocol::quote(mapping.type), protocol::kMaxTypeBytes));
    }
  }
  if (options.input == InputKind::kText) {
    const bool looks_inside = mapping.channel_from || mapping.type_from || mapping.key_from ||
                              mapping.time_from || mapping.data_from || mapping.replay_by ||
                              (mapping.channel && !mapping.channel->is_fixed());
    if (looks_inside) refuse("--input text: lines of text have no fields to take anything from");
    if (!mapping.channel) refuse("--input text: lines of text name no channel; give CHANNEL");
  }
  return mapping;
}

SourceOptions source(const PubOptions& options, std::vector<std::string> files) {
  if (options.nul && options.whole) refuse("-0 and --whole exclude each other");
  if (options.max_line == 0) refuse("--max-line must be greater than 0");
  if (!options.messages.empty() && !files.empty()) {
    refuse(fmt::format("--message and FILE ({}) exclude each other", files.front()));
  }
  if (options.follow) {
    if (files.empty() || files.back() == "-") refuse("--follow needs the name of a FILE that grows");
    if (options.whole) refuse("--follow and --whole exclude each other: a file that grows is never whole");
    if (!options.loop.empty()) refuse("--follow and --loop exclude each other: a file that grows has no end");
  }
  SourceOptions source;
  source.follow = options.follow;
  source.messages = options.messages;
  source.files = std::move(files);
  source.max_line_bytes = options.max_line;
  if (options.nul) source.separator = Separator::kNul;
  if (options.whole) source.separator = Separator::kNone;
  return source;
}

// Names this run in the dedup ids.
std::string make_producer() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  std::random_device random;
  std::string name;
  for (int i = 0; i < 12; ++i) name += kLetters[random() % kLetters.size()];
  return name;
}

void set_invalid_policy(const PubOptions& options, PubPlan& plan) {
  if (options.on_invalid == "fail") {
    plan.on_invalid = OnInvalid::kFail;
  } else if (options.on_invalid == "skip") {
    plan.on_invalid = OnInvalid::kSkip;
  } else if (options.on_invalid.starts_with(kSetAsidePrefix) &&
             options.on_invalid.size() > kSetAsidePrefix.size()) {
    plan.on_invalid = OnInvalid::kSetAside;
    plan.dead_letter_file = options.on_invalid.substr(kSetAsidePrefix.size());
  } else {
    refuse(fmt::format("--on-invalid: '{}' is not fail, skip or dlq=FILE", options.on_invalid));
  }
}

void set_pace(const PubOptions& options, PubPlan& plan) {
  plan.rate = options.rate;
  if (options.burst) {
    if (!options.rate) refuse("--burst needs --rate, of which it is the exception");
    if (*options.burst == 0) refuse("--burst must be greater than 0");
    plan.burst = *options.burst;
  }
  if (options.replay.empty()) {
    if (options.speed) refuse("--speed needs --replay PATH, where each line's time stands");
    if (options.max_gap) refuse("--max-gap needs --replay PATH, where each line's time stands");
    if (!options.shift_time.empty())
      refuse("--shift-time needs --replay PATH, where each line's time stands");
    return;
  }
  if (options.rate) refuse("--rate and --replay exclude each other: each says when a line goes");
  if (!options.messages.empty()) refuse("--replay is for recordings; --message is published at once");
  plan.replay = Replay::Options{options.speed.value_or(1.0), options.max_gap};
  if (options.shift_time.empty()) return;
  if (options.shift_time == "now") {
    plan.shift_time.emplace(std::nullopt);
    return;
  }
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto time = cli::parse_time(options.shift_time, now);
  if (!time) refuse(fmt::format("--shift-time: {}", time.error().message));
  plan.shift_time.emplace(*time);
}

void set_passes(const PubOptions& options, PubPlan& plan) {
  if (options.loop.empty()) return;
  if (!options.journal.empty()) refuse("--journal and --loop exclude each other: a journal has one end");
  plan.passes = 0;
  if (options.loop == kWithoutEnd) return;
  const auto passes = cli::parse_count(options.loop);
  if (!passes || *passes == 0) {
    refuse(fmt::format("--loop: '{}' is no number of times; give one from 1 on, or none", options.loop));
  }
  plan.passes = *passes;
}

void check_journal(const PubOptions& options, std::size_t files) {
  if (options.journal.empty()) return;
  if (options.ack == Acknowledge::kNone)
    refuse("--journal keeps what was acknowledged; it needs --ack server");
  if (!options.dedup) refuse("--journal needs the marks that --no-dedup leaves out");
  if (!options.messages.empty()) refuse("--journal is for lines that are read; --message has none");
  if (options.dry_run) refuse("--journal and --dry-run exclude each other: nothing is published");
  if (options.follow && files > 1) {
    refuse("--journal with --follow takes one FILE: it stands in that one, and in those it was before");
  }
}

BacklogOptions backlog(const PubOptions& options) {
  BacklogOptions backlog;
  backlog.lines = options.queue.value_or(backlog.lines);
  backlog.input = options.input;
  if (options.on_full == "block") return backlog;
  if (!options.journal.empty()) {
    refuse("--journal is for input that can be read again and may wait: it needs --on-full block");
  }
  if (options.on_full == "drop-oldest") {
    backlog.on_full = OnFull::kDropOldest;
    if (options.queue == 0) refuse("--on-full drop-oldest needs a --queue greater than 0");
  } else if (options.on_full.starts_with(kSpillPrefix) && options.on_full.size() > kSpillPrefix.size()) {
    backlog.on_full = OnFull::kSpill;
    backlog.lines = options.queue.value_or(0);
    backlog.spill_file = options.on_full.substr(kSpillPrefix.size());
    if (options.whole) refuse("--whole has one record, which needs no --on-full spill");
    if (options.dry_run) refuse("--dry-run needs no --on-full spill: nothing waits for a server");
  } else {
    refuse(fmt::format("--on-full: '{}' is not block, drop-oldest or spill=FILE", options.on_full));
  }
  return backlog;
}

DeliveryOptions delivery(const PubOptions& options) {
  if (options.window == 0) refuse("--window must be greater than 0");
  if (options.ack_timeout.count() <= 0) refuse("--ack-timeout must be greater than 0");
  auto client = cli::client_options(options.connect);
  if (!client) refuse(client.error().message);
  DeliveryOptions delivery;
  delivery.client = *std::move(client);
  delivery.acknowledge = options.ack;
  delivery.window.lines = options.window;
  delivery.ack_timeout = options.ack_timeout;
  delivery.tell_connection = options.messages.empty();
  if (options.dedup) delivery.producer = make_producer();
  return delivery;
}

}  // namespace

void add_options(cli::Tool& tool, PubOptions& options) {
  CLI::App& app = tool.app();
  add_route_options(app, options);
  add_input_options(app, options);
  add_pace_options(app, options);
  add_acknowledgement_options(app, options);
  add_queue_options(app, options);
  add_output_options(app, options);
  cli::add_connect_options(app, options.connect);
  tool.complete_channels(options.connect);
  tool.describe_exit_code(0, "done: every line was acknowledged, or skipped as asked");
  tool.describe_exit_code(1, {});
  tool.describe_exit_code(5, {});
  tool.describe_exit_code(7, "lines remain unacknowledged, or were dropped");
  tool.describe_exit_code(8, "a line that cannot be published, or local input or output");
  tool.add_example("./engine | wspub 'backtest/{run}'",
                   "each line to the channel that its field \"run\" names");
  tool.add_example("wspub market/AAPL -t trade -m '{\"price\":150.25}'", "one event");
  tool.add_example("wstap -u $PROD 'market/**' -o json | wspub -u $LAB", "mirror channels to another server");
}

PubPlan make_plan(const PubOptions& options) {
  Operands operands = sort_operands(options);
  PubPlan plan;
  plan.operand_is_file = operands.lone_file;
  plan.mapping = mapping(options, operands.channel);
  plan.source = source(options, std::move(operands.files));
  set_invalid_policy(options, plan);
  set_pace(options, plan);
  set_passes(options, plan);
  plan.delivery = delivery(options);
  plan.backlog = backlog(options);
  plan.delivery.keep_records =
      plan.on_invalid == OnInvalid::kSetAside || plan.backlog.on_full == OnFull::kSpill;
  plan.receipts = options.receipts;
  plan.tee = options.tee;
  plan.dry_run = options.dry_run;
  if (!options.stats.empty()) {
    const auto period = cli::parse_duration(options.stats);
    if (!period) refuse(fmt::format("--stats: {}", period.error().message));
    if (period->count() <= 0) refuse("--stats: the period must be greater than 0");
    plan.stats = *period;
  }
  if (int{plan.receipts} + int{plan.tee} + int{plan.dry_run} > 1) {
    refuse("only one of --receipts, --tee and --dry-run can have stdout");
  }
  if (plan.receipts && options.ack == Acknowledge::kNone) refuse("--receipts needs --ack server");
  check_journal(options, plan.source.files.size());
  plan.journal_file = options.journal;
  return plan;
}

}  // namespace wskit::pub
