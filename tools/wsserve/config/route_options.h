// One [[route]] table of the configuration file: as it was written, and what it
// means.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/routing/route.h"

namespace wskit::server {

struct RouteOptions {
  const CLI::App* table = nullptr;  // where it was read
  std::vector<std::string> from;
  std::vector<std::string> except;
  std::vector<std::string> to;
  std::map<std::string, routing::Condition> when;
};

// The keys of the table; `options` must outlive the reading.
void add_route_options(CLI::App& table, RouteOptions& options);

// What is wrong with routes that are right each by itself, a line each.
[[nodiscard]] std::vector<std::string> route_problems(const cli::Tool& tool,
                                                      const std::deque<RouteOptions>& routes);

// REQUIRES: every value was found right when it was read.
[[nodiscard]] std::vector<routing::RoutePtr> to_routes(const std::deque<RouteOptions>& options);

}  // namespace wskit::server
