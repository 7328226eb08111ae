// What wstap is told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/connect_options.h"

namespace wskit::cli {
class Tool;
}

namespace wskit::tap {

enum class Format : std::uint8_t {
  kAuto,    // pretty on a terminal, else json
  kJson,    // the event as it came
  kData,    // its data, byte for byte
  kPretty,  // a line for people
  kNone,    // nothing: only count and check
};

enum class OnGap : std::uint8_t {
  kWarn,  // a line on stderr
  kFail,  // end, exit code 7
  kEmit,  // a record
};

// In what order --from brings what several channels hold.
enum class ReplayOrder : std::uint8_t { kTime, kChannel };

struct TapOptions {
  cli::ConnectOptions connect;
  std::vector<std::string> channels;     // names and patterns; none: the server's default channels
  std::vector<std::string> event_types;  // none: all
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<std::chrono::nanoseconds> idle;
  std::vector<std::string> until_events;
  std::string from;   // a position as text, or "cursor"; empty: now
  std::string until;  // an offset, epoch:offset or time; empty: none
  bool end = false;
  std::optional<double> speed;
  std::optional<std::chrono::nanoseconds> max_gap;
  std::string cursor;  // a file; empty: none
  OnGap on_gap = OnGap::kWarn;
  bool verify = false;
  Format format = Format::kAuto;
  client::Wire wire = client::Wire::kJson;
  bool utc = false;
  bool wrap = false;
  ReplayOrder order = ReplayOrder::kTime;
};

// `options` must outlive the tool's parsing.
void add_options(cli::Tool& tool, TapOptions& options);

}  // namespace wskit::tap
