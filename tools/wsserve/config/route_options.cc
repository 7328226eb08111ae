#include "wsserve/config/route_options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/cli/member_option.h"
#include "common/cli/option_values.h"
#include "wsserve/config/rule_options.h"

namespace wskit::server {
namespace {

std::string check_source(const std::string& text) {
  if (protocol::is_server_channel(text)) {
    return fmt::format("'{}' is in the server's own space, whose events are not routed", text);
  }
  return check_pattern(text);
}

std::string check_target(const std::string& text) {
  const auto parsed = routing::Target::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

std::vector<protocol::Pattern> to_patterns(const std::vector<std::string>& texts) {
  std::vector<protocol::Pattern> patterns;
  for (const std::string& text : texts) patterns.push_back(*protocol::Pattern::parse(text));
  return patterns;
}

}  // namespace

void add_route_options(CLI::App& table, RouteOptions& options) {
  options.table = &table;
  cli::add_texts(table, "--from", options.from, "PATTERN",
                 "The channels whose events are delivered to others too")
      ->check(check_source)
      ->required();
  cli::add_texts(table, "--except", options.except, "PATTERN", "Those of them that the route is not for")
      ->check(check_source);
  cli::add_texts(table, "--to", options.to, "CHANNEL", "Where they go, with {places}")
      ->check(check_target)
      ->required();
  cli::add_members(
      table, "--when",
      [&options](const std::string& name, const nlohmann::json& value) {
        const auto condition = routing::Condition::parse(name, value);
        if (!condition) return condition.error().message;
        options.when.insert_or_assign(name, *condition);
        return std::string();
      },
      "What an event must have");
}

std::vector<std::string> route_problems(const cli::Tool& tool, const std::deque<RouteOptions>& routes) {
  const auto loop = routing::find_loop(to_routes(routes));
  if (loop.empty()) return {};
  std::string way;
  for (const std::size_t rule : loop) {
    const RouteOptions& route = routes[rule];
    way += fmt::format("{}{} to {} ({})", way.empty() ? "" : ", ", fmt::join(route.from, " "),
                       fmt::join(route.to, " "), tool.origin(*route.table, "--to"));
  }
  return {
      fmt::format("{}: routes must not lead in a circle, but events could come back to where they were: {}; "
                  "deliver to a channel that no route takes from, or leave it out there with except",
                  tool.origin(*routes[loop.front()].table, "--to"), way)};
}

std::vector<routing::RoutePtr> to_routes(const std::deque<RouteOptions>& options) {
  std::vector<routing::RoutePtr> routes;
  for (const RouteOptions& each : options) {
    routing::Route route{
        .from = to_patterns(each.from), .except = to_patterns(each.except), .to = {}, .when = {}};
    for (const std::string& text : each.to) route.to.push_back(*routing::Target::parse(text));
    for (const auto& [name, condition] : each.when) route.when.push_back(condition);
    routes.push_back(std::make_shared<const routing::Route>(std::move(route)));
  }
  return routes;
}

}  // namespace wskit::server
