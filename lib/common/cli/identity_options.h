// Who connects to a server: the part of the connect options that a tool with a connection
// of its own kind has too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/cli/connect_options.h"

namespace wskit::cli {

// Adds --header, --token and --token-file to the group; `options` must outlive the parsing.
void add_identity_options(CLI::App& app, ConnectOptions& options, const std::string& group);

// What is sent with the upgrade: the headers, and the token as one of them. An error is
// the user's and never holds the token.
using HeaderList = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] ValueResult<HeaderList> upgrade_headers(const ConnectOptions& options);

}  // namespace wskit::cli
