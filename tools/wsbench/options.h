// What was typed, and what it comes to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/identity_options.h"
#include "common/cli/tool.h"
#include "common/client/client_options.h"
#include "common/client/url.h"
#include "wsbench/fanout.h"
#include "wsbench/slo.h"

namespace wskit::bench {

enum class Scenario : std::uint8_t { kFanout, kConnect, kIdle };

[[nodiscard]] std::string_view name_of(Scenario scenario);

// As it was typed.
struct Options {
  Scenario scenario = Scenario::kFanout;
  std::uint64_t subscribers = 1000;
  std::uint64_t publishers = 1;
  std::optional<std::uint64_t> channels;
  std::uint64_t size = 200;
  std::string rate = "100";
  std::optional<std::uint64_t> window;
  std::string arrival = "uniform";
  std::uint64_t seed = 1;
  std::optional<double> connect_rate;
  std::chrono::nanoseconds warm_up = std::chrono::seconds{2};
  std::chrono::nanoseconds duration = std::chrono::seconds{10};
  std::chrono::nanoseconds drain = std::chrono::seconds{2};
  std::chrono::nanoseconds hold = std::chrono::seconds{10};
  std::uint64_t rounds = 1;
  std::string url;
  client::TlsOptions tls;
  cli::ConnectOptions identity;  // who connects; the rest of it is not used
  std::string spawn;
  std::optional<std::uint64_t> server_pid;
  std::string server_cpus;
  bool limit = false;
  std::optional<std::uint64_t> threads;
  std::string cpus;
  std::vector<std::string> slos;
  bool allow_loss = false;
  bool strict = false;
  std::vector<std::string> outputs;
};

void add_options(cli::Tool& tool, Options& options);

// What to do.
struct Settings {
  Scenario scenario = Scenario::kFanout;
  FanoutPlan fanout;  // its crew is that of the other scenarios too
  Nanos hold = 0;
  std::uint64_t rounds = 1;

  // The server: started by us from these words, or found at the URL.
  std::vector<std::string> spawn;
  std::optional<client::Url> url;
  client::TlsOptions tls;   // where the URL says wss
  cli::HeaderList headers;  // sent with each upgrade of the server's
  std::optional<pid_t> server_pid;
  std::vector<int> server_cpus;
  bool limit = false;

  std::vector<Slo> slos;
  bool allow_loss = false;
  bool strict = false;
  std::vector<std::string> json_paths;
};

// Refuses what was typed and has no effect in the scenario; from a file it may be
// meant for another one. Throws cli::UsageError.
void check_typed(const cli::Tool& tool, const Options& options);

// Throws cli::UsageError.
[[nodiscard]] Settings to_settings(const Options& options);

// The words of --spawn with a free port for wsserve, unless they say where it listens:
// another server may have its usual one.
[[nodiscard]] std::vector<std::string> with_free_port(std::vector<std::string> words);

// `0,2-3`. Throws cli::UsageError with the option's name.
[[nodiscard]] std::vector<int> parse_cpus(std::string_view option, std::string_view text);

// `uniform`, `poisson`, `burst:N@T`.
[[nodiscard]] cli::ValueResult<Arrival> parse_arrival(std::string_view text);

}  // namespace wskit::bench
