// The limits as they are typed, and what they mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wsserve/limits/limit_settings.h"

namespace CLI {
class App;
}

namespace wskit::server {

class LiveOptions;

// Counts: 0 for any number. Rates: absent for any rate.
struct LimitOptions {
  std::uint64_t connections_per_address = 0;
  std::uint64_t connections_per_user = 0;
  std::optional<double> new_connections;
  std::optional<double> new_connections_per_address;
  std::uint64_t subscriptions = 0;
  std::optional<double> commands;
  std::optional<double> commands_per_user;
  std::optional<double> events;
  std::optional<double> events_per_user;
  std::optional<double> requests;
  std::chrono::nanoseconds patience = std::chrono::seconds{10};
  std::vector<std::string> trusted_proxies;
  ForwardedHeader forwarded_header = ForwardedHeader::kXForwardedFor;
  bool proxy_protocol = false;
};

void add_limit_options(CLI::App& app, LimitOptions& options, LiveOptions& live);
void add_proxy_options(CLI::App& app, LimitOptions& options, LiveOptions& live);

// Whether anybody's commands or events are counted against a rate.
[[nodiscard]] bool limits_rates(const LimitOptions& options);

// REQUIRE: every value was found right when it was read.
[[nodiscard]] LimitSettings to_limits(const LimitOptions& options);

}  // namespace wskit::server
