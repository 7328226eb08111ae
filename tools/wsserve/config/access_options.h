// Who may come in and what they may do, as an operator writes it: the options of
// the group Access, and the tables [anonymous] and [authenticated].
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/auth/gate.h"
#include "wsserve/config/live_options.h"

namespace wskit::server::auth {

struct RoleOptions {
  const CLI::App* table = nullptr;  // where it was read; null: nowhere
  std::vector<std::string> subscribe;
  std::vector<std::string> publish;
  std::vector<std::string> channels;
  bool admin = false;
};

struct AccessOptions {
  std::vector<std::string> secret_files;  // as parse_key_file() reads them
  std::vector<std::string> key_files;
  std::vector<std::string> issuers;
  std::vector<std::string> audiences;
  std::chrono::nanoseconds leeway{0};
  std::chrono::nanoseconds auth_timeout = std::chrono::seconds{10};
  bool allow_anonymous = false;
  RoleOptions anonymous;
  RoleOptions authenticated;

  // Of load().
  Policy policy;
  std::vector<std::string> warnings;  // a line each
};

void add_access_options(CLI::App& app, AccessOptions& options, LiveOptions& live);

// [anonymous] and [authenticated].
[[nodiscard]] std::vector<cli::ConfigTables> access_tables(AccessOptions& options);

// Reads the keys and puts the policy together. What is wrong, a line each.
// REQUIRES: `tool` has read everything else.
[[nodiscard]] std::vector<std::string> load(const cli::Tool& tool, AccessOptions& options);

}  // namespace wskit::server::auth
