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

struct TapOptions {
  cli::ConnectOptions connect;
  std::vector<std::string> channels;     // names and patterns; none: the server's default channels
  std::vector<std::string> event_types;  // none: all
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<std::chrono::nanoseconds> idle;
  std::vector<std::string> until_events;
  Format format = Format::kAuto;
};

// `options` must outlive the tool's parsing.
void add_options(cli::Tool& tool, TapOptions& options);

}  // namespace wskit::tap
