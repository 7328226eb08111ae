#include "wsserve/config/limit_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "common/cli/option_values.h"
#include "wsserve/config/live_options.h"

namespace wskit::server {
namespace {

std::string check_rate(const std::string& text) {
  const auto rate = cli::parse_rate(text);
  return rate && *rate < kSlowestRate ? "must be at least 1/h" : std::string();
}

std::string check_proxy(const std::string& text) {
  if (TrustedProxies().add(text)) return {};
  return fmt::format(
      "'{}' is neither an address, nor a network without bits behind its length, such as 10.0.0.0/8, nor "
      "unix",
      text);
}

CLI::Option* add_limit_of(CLI::App& app, const char* flag, std::optional<double>& rate,
                          const char* description) {
  return cli::add_rate(app, flag, rate, description)->check(check_rate)->group("Limits");
}

Rate to_rate(const std::optional<double>& rate) { return {.per_second = rate.value_or(0)}; }

}  // namespace

void add_limit_options(CLI::App& app, LimitOptions& options, LiveOptions& live) {
  live(cli::add_count(
           app, "--max-connections-per-address", options.connections_per_address,
           "Connections at a time from one address, a /64 of IPv6 counting as one; more are told so "
           "with 1013 or 429; 0 for any number"))
      ->group("Limits");
  live(cli::add_count(app, "--max-connections-per-user", options.connections_per_user,
                      "WebSockets at a time of one user; more are closed with 1013; 0 for any number"))
      ->group("Limits");
  live(add_limit_of(
      app, "--max-new-connections", options.new_connections,
      "New connections a second in all; more are told so with 1013 or 429, and when to come back"));
  live(add_limit_of(app, "--max-new-connections-per-address", options.new_connections_per_address,
                    "The same for each address"));
  live(cli::add_count(app, "--max-subscriptions", options.subscriptions,
                      "Subscriptions of all connections together; 0 for any number"))
      ->group("Limits");
  live(add_limit_of(app, "--max-commands", options.commands,
                    "Commands a second of one connection; more are refused with RATE_LIMITED"));
  live(add_limit_of(app, "--max-commands-per-user", options.commands_per_user,
                    "Commands a second of all connections of a user"));
  live(add_limit_of(app, "--max-events", options.events,
                    "Events a second that one connection may publish; more are refused with RATE_LIMITED"));
  live(add_limit_of(app, "--max-events-per-user", options.events_per_user,
                    "Events a second that all connections of a user may publish"));
  live(add_limit_of(app, "--max-requests", options.requests,
                    "HTTP requests a second from one address; more are answered with 429"));
  live(cli::add_duration(
           app, "--rate-patience", options.patience,
           "Time that a connection may go on after RATE_LIMITED without waiting as it is told; then it "
           "is closed with 4029"))
      ->group("Limits");
}

void add_proxy_options(CLI::App& app, LimitOptions& options, LiveOptions& live) {
  live(app.add_option(
           "--trusted-proxy", options.trusted_proxies,
           "Address or network of a proxy that is believed when it says whose connection it is, or unix "
           "for whoever comes over a unix socket"))
      ->type_name("CIDR")
      ->check(check_proxy)
      ->group("Network");
  live(cli::add_choice(
           app, "--forwarded-header", options.forwarded_header,
           {{"x-forwarded-for", ForwardedHeader::kXForwardedFor}, {"forwarded", ForwardedHeader::kForwarded}},
           "Header in which trusted proxies name the client"))
      ->group("Network");
  live(app.add_flag("--proxy-protocol", options.proxy_protocol,
                    "Connections of trusted proxies begin with a PROXY protocol header (version 1 or 2)"))
      ->group("Network");
}

bool limits_rates(const LimitOptions& options) {
  return options.commands || options.commands_per_user || options.events || options.events_per_user;
}

LimitSettings to_limits(const LimitOptions& options) {
  LimitSettings limits;
  limits.connections_per_address = options.connections_per_address;
  limits.connections_per_user = options.connections_per_user;
  limits.subscriptions = options.subscriptions;
  limits.new_connections = to_rate(options.new_connections);
  limits.new_connections_per_address = to_rate(options.new_connections_per_address);
  limits.requests_per_address = to_rate(options.requests);
  limits.commands = to_rate(options.commands);
  limits.commands_per_user = to_rate(options.commands_per_user);
  limits.events = to_rate(options.events);
  limits.events_per_user = to_rate(options.events_per_user);
  limits.patience = std::chrono::ceil<std::chrono::milliseconds>(options.patience);
  for (const std::string& proxy : options.trusted_proxies) (void)limits.proxies.add(proxy);
  limits.forwarded_header = options.forwarded_header;
  limits.proxy_protocol = options.proxy_protocol;
  return limits;
}

}  // namespace wskit::server
