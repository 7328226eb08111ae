// One [[endpoint]] table of the configuration file: as it was written, and what it
// means.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/fanout/pace.h"
#include "wsserve/http/endpoint.h"

namespace wskit::server {

struct EndpointOptions {
  const CLI::App* table = nullptr;  // where it was read
  std::string path;
  std::vector<std::string> channels;
  std::map<std::string, std::string, std::less<>> defaults;
};

// The keys of the table; `options` must outlive the reading.
void add_endpoint_options(CLI::App& table, EndpointOptions& options);

// What is wrong with endpoints that are right key by key, a line each. `bounds`: those of
// a default max_rate too.
[[nodiscard]] std::vector<std::string> endpoint_problems(const cli::Tool& tool,
                                                         const std::deque<EndpointOptions>& endpoints,
                                                         const PaceBounds& bounds);

// REQUIRES: every value was found right when it was read.
[[nodiscard]] http::Endpoint to_endpoint(const EndpointOptions& options);

}  // namespace wskit::server
