// `wsserve token`: makes a token that this server would take, and says what one grants.
#pragma once

#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/config/access_options.h"

namespace wskit::server {

// As it was typed.
struct TokenOptions {
  CLI::App* command = nullptr;  // `wsserve token`
  std::string token;            // to show; empty or `-`: from stdin
  bool show = false;
  std::string user;
  std::vector<std::string> subscribe;
  std::vector<std::string> publish;
  std::vector<std::string> channels;
  bool admin = false;
  std::string expires = "1h";
  std::vector<std::string> claims;  // NAME=JSON
  std::string issuer;
  std::vector<std::string> audiences;
  std::string secret_file;
  std::string private_key;
  std::string algorithm;

  // Whether it is this that was asked for.
  [[nodiscard]] bool asked_for() const { return command != nullptr && command->parsed(); }
};

void add_token_command(cli::Tool& tool, TokenOptions& options);

// Prints the token, or with --show what it grants and whether the server would take it
// (exit code 1: it would not). Never prints a secret, nor the token that it shows.
// `access`: of the server, whose secret, issuer and audience stand in for what was not
// typed. REQUIRES: auth::load(). Throws UsageError.
[[nodiscard]] cli::Outcome run_token_command(const TokenOptions& options, const auth::AccessOptions& access,
                                             cli::Notices& notices);

}  // namespace wskit::server
