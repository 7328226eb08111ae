#include "wsserve/config/endpoint_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/cli/member_option.h"
#include "common/cli/option_values.h"
#include "wsserve/http/router.h"

namespace wskit::server {
namespace {

std::string check_path(const std::string& text) {
  const auto parsed = http::PathTemplate::parse(text);
  return parsed ? http::taken_by_server(*parsed) : parsed.error().message;
}

std::string check_channel(const std::string& text) {
  const auto parsed = http::parse_endpoint_channel(text);
  return parsed ? std::string() : parsed.error().message;
}

// The text that stands in a query for a value or a list of values; nothing for
// anything else.
std::optional<std::string> as_parameter(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number()) return value.dump();
  if (!value.is_array()) return std::nullopt;
  std::string list;
  for (const auto& item : value) {
    if (!item.is_string()) return std::nullopt;
    list += (list.empty() ? "" : ",") + item.get<std::string>();
  }
  return list;
}

std::string check_default(const std::string& name, const std::string& value) {
  if (name == "token") return "token: a token is its bearer's, and has no default";
  if (value.empty()) return fmt::format("{}: an empty default says nothing; leave it out", name);
  if (!http::is_upgrade_parameter(name)) return {};
  SubscribeOptions options;
  const auto error = http::read_subscribe_options({{name, value}}, options);
  return error ? error->message : std::string();
}

bool is_place(const http::Endpoint& endpoint, const std::string& name) {
  return std::ranges::any_of(endpoint.channels, [&](const auto& channel) {
    return std::ranges::find(channel.places(), name) != channel.places().end();
  });
}

// What is wrong with one of its defaults, beside the others.
std::string default_problem(const http::Endpoint& endpoint, const std::string& name,
                            const PaceBounds& bounds) {
  if (name == "max_rate") {
    const auto pace = parse_pace(endpoint.defaults.at(name), {}, bounds);
    return pace ? std::string() : pace.error().message;
  }
  if (http::is_upgrade_parameter(name)) return {};
  const auto& variables = endpoint.path.variables();
  if (std::ranges::find(variables, name) != variables.end()) {
    return fmt::format("{{{}}} is in the path, so it is always there", name);
  }
  if (!is_place(endpoint, name)) return fmt::format("no channel of this endpoint names {{{}}}", name);
  return {};
}

bool was_read(const EndpointOptions& options) { return !options.path.empty() && !options.channels.empty(); }

// With the defaults for everything and a name for the rest.
std::string standing_problem(const http::Endpoint& endpoint) {
  http::QueryParameters query;
  for (const auto& channel : endpoint.channels) {
    for (const std::string& place : channel.places()) {
      if (!endpoint.defaults.contains(place)) query.emplace_back(place, "x");
    }
  }
  const std::vector<std::string> values(endpoint.path.variables().size(), "x");
  const auto resolved = endpoint.resolve(values, endpoint.complete(std::move(query)), SIZE_MAX);
  const auto* error = std::get_if<http::HttpError>(&resolved);
  return error == nullptr ? std::string() : error->message;
}

}  // namespace

void add_endpoint_options(CLI::App& table, EndpointOptions& options) {
  options.table = &table;
  cli::add_text(table, "--path", options.path, "PATH", "The address, with {variables}")
      ->check(check_path)
      ->required();
  cli::add_texts(table, "--channels", options.channels, "CHANNEL", "What a connection is subscribed to there")
      ->check(check_channel)
      ->required();
  cli::add_members(
      table, "--defaults",
      [&options](const std::string& name, const nlohmann::json& value) {
        const auto text = as_parameter(value);
        if (!text) return fmt::format("{}: a string, or a list of strings, is needed", name);
        std::string why = check_default(name, *text);
        if (why.empty()) options.defaults[name] = *text;
        return why;
      },
      "Parameters of the query where a request leaves them out");
}

std::vector<std::string> endpoint_problems(const cli::Tool& tool,
                                           const std::deque<EndpointOptions>& endpoints,
                                           const PaceBounds& bounds) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const EndpointOptions& options = endpoints[i];
    if (!was_read(options)) continue;
    const http::Endpoint endpoint = to_endpoint(options);
    const auto note = [&](const char* key, const std::string& why) {
      if (!why.empty()) problems.push_back(fmt::format("{}: {}", tool.origin(*options.table, key), why));
      return !why.empty();
    };
    bool wrong = false;
    for (const auto& [name, value] : endpoint.defaults) {
      wrong = note("--defaults", default_problem(endpoint, name, bounds)) || wrong;
    }
    if (!wrong) note(endpoint.defaults.empty() ? "--channels" : "--defaults", standing_problem(endpoint));
    for (std::size_t before = 0; before < i; ++before) {
      if (!was_read(endpoints[before])) continue;
      if (!to_endpoint(endpoints[before]).path.overlaps(endpoint.path)) continue;
      note(
          "--path",
          fmt::format("{} and {} of {} are the same address for some requests; tell them apart by a "
                      "fixed segment",
                      options.path, endpoints[before].path, tool.origin(*endpoints[before].table, "--path")));
    }
  }
  return problems;
}

http::Endpoint to_endpoint(const EndpointOptions& options) {
  http::Endpoint endpoint{
      .path = *http::PathTemplate::parse(options.path), .channels = {}, .defaults = options.defaults};
  for (const std::string& channel : options.channels) {
    endpoint.channels.push_back(*http::parse_endpoint_channel(channel));
  }
  return endpoint;
}

}  // namespace wskit::server
