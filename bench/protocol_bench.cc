// The protocol library's hot paths, one message a time.
//
// The Simdjson… cases are the two passes that simdjson needs for the job of
// CheckJson: its DOM to check the message, and its On-Demand interface to cut the
// fields out as they were written (On-Demand alone does not check what it skips).
// They are what json_text.h was measured against.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <array>
#include <string>

#include "common/protocol/channel.h"
#include "common/protocol/command.h"
#include "common/protocol/event.h"
#include "common/protocol/json_text.h"
#include "common/protocol/reply.h"
#include "common/protocol/timestamp.h"
#include "support/encode_event.h"

namespace wskit::protocol {
namespace {

using test::encode_event;

// 200 bytes.
constexpr std::string_view kPublish =
    R"({"action":"publish","id":7,"channel":"market/AAPL","type":"trade","data":{"price":150.25,"size":100,)"
    R"("side":"buy","trade_id":123456789,"exchange":"NASDAQ","bid":150.24,"ask":150.26,"flags":["odd"]}})";

// With what simdjson reads past the end of a text.
std::string padded(std::string_view text) {
  return std::string(text) + std::string(simdjson::SIMDJSON_PADDING, ' ');
}

// A batch of `events` of the size of kPublish.
std::string batch(std::size_t events) {
  std::string text = R"({"action":"publish","id":7,"events":[)";
  for (std::size_t i = 0; i < events; ++i) {
    if (i > 0) text += ',';
    text += '{';
    text += kPublish.substr(kPublish.find("\"channel\""));
  }
  return text + "]}";
}

void parse(benchmark::State& state, std::string_view text) {
  CommandParser parser;
  for (auto _ : state) {
    auto command = parser.parse(text);
    if (!command) state.SkipWithError("refused");
    benchmark::DoNotOptimize(command);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void ParsePublish(benchmark::State& state) { parse(state, kPublish); }
BENCHMARK(ParsePublish);

void ParseBatchOf100(benchmark::State& state) { parse(state, batch(100)); }
BENCHMARK(ParseBatchOf100);

void ParseSubscribe(benchmark::State& state) {
  parse(state, R"({"action":"subscribe","id":1,"channels":["market/*","news"],"events":["trade"]})");
}
BENCHMARK(ParseSubscribe);

void CheckJson(benchmark::State& state) {
  for (auto _ : state) {
    JsonScanner scanner(kPublish);
    benchmark::DoNotOptimize(scanner.value());
    if (!scanner.finish()) state.SkipWithError("refused");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kPublish.size()) * state.iterations());
}
BENCHMARK(CheckJson);

void SimdjsonCheck(benchmark::State& state) {
  const std::string buffer = padded(kPublish);
  simdjson::dom::parser parser;
  for (auto _ : state) {
    auto document = parser.parse(buffer.data(), kPublish.size(), false);
    if (document.error() != simdjson::SUCCESS) state.SkipWithError("refused");
    benchmark::DoNotOptimize(document);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kPublish.size()) * state.iterations());
}
BENCHMARK(SimdjsonCheck);

// Only finds the fields and cuts them out; checks nothing.
bool cut_with_simdjson(simdjson::ondemand::parser& parser, const std::string& buffer,
                       std::array<std::string_view, 5>& parts) {
  constexpr std::array<std::string_view, 5> kNames{"action", "id", "channel", "type", "data"};
  simdjson::ondemand::document document;
  if (parser.iterate(buffer.data(), kPublish.size(), buffer.size()).get(document) != simdjson::SUCCESS)
    return false;
  simdjson::ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto field : object) {
    simdjson::ondemand::raw_json_string key;
    if (field.key().get(key) != simdjson::SUCCESS) return false;
    simdjson::ondemand::value value = field.value();
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (!key.unsafe_is_equal(kNames[i])) continue;
      simdjson::ondemand::json_type type;
      if (value.type().get(type) != simdjson::SUCCESS) return false;
      if (type == simdjson::ondemand::json_type::object) {
        simdjson::ondemand::object nested;
        if (value.get_object().get(nested) != simdjson::SUCCESS) return false;
        if (nested.raw_json().get(parts[i]) != simdjson::SUCCESS) return false;
      } else {
        parts[i] = value.raw_json_token();
      }
    }
  }
  return true;
}

void SimdjsonCut(benchmark::State& state) {
  const std::string buffer = padded(kPublish);
  simdjson::ondemand::parser parser;
  for (auto _ : state) {
    std::array<std::string_view, 5> parts;
    if (!cut_with_simdjson(parser, buffer, parts)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(parts);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kPublish.size()) * state.iterations());
}
BENCHMARK(SimdjsonCut);

EventView sample_event() {
  EventView event;
  event.type = "trade";
  event.channel = "market/AAPL";
  event.offset = 123'456;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.data = kPublish.substr(kPublish.find("{\"price\""));
  event.data.remove_suffix(1);
  return event;
}

void WriteEvent(benchmark::State& state) {
  const EventView event = sample_event();
  std::string out(1024, '\0');
  for (auto _ : state) {
    benchmark::DoNotOptimize(encoded_size(event));
    benchmark::DoNotOptimize(write_event(event, out.data()));
  }
}
BENCHMARK(WriteEvent);

void DecodeEvent(benchmark::State& state) {
  const std::string text = encode_event(sample_event());
  std::string storage;
  for (auto _ : state) {
    auto event = decode_event(text, storage);
    if (!event) state.SkipWithError("refused");
    benchmark::DoNotOptimize(event);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(DecodeEvent);

void AppendPublished(benchmark::State& state) {
  const std::array<Published, 1> published{{{"market/AAPL", 123'456, "k3x9", false}}};
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_reply(out, "7", "2026-11-20T10:00:00.123456Z", PublishedAll{.events = published});
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(AppendPublished);

void WriteTimestamp(benchmark::State& state) {
  TimestampWriter writer;
  SystemMicros time{std::chrono::microseconds{1'795'000'000'000'000}};
  for (auto _ : state) {
    time += std::chrono::microseconds{3};
    benchmark::DoNotOptimize(writer.write(time));
  }
}
BENCHMARK(WriteTimestamp);

void ParseTimestamp(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_timestamp("2026-11-20T10:00:00.123456Z"));
}
BENCHMARK(ParseTimestamp);

void CheckChannel(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(check_channel("market/AAPL"));
}
BENCHMARK(CheckChannel);

void MatchPattern(benchmark::State& state) {
  const Pattern pattern = Pattern::parse("backtest/*/control/**").value();
  for (auto _ : state) benchmark::DoNotOptimize(pattern.matches("backtest/bt-42/control/pause"));
}
BENCHMARK(MatchPattern);

}  // namespace
}  // namespace wskit::protocol
