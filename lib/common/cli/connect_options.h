// The options of every tool that connects to a server: where it is, who we are,
// and what happens when the connection is lost.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/values.h"
#include "common/client/client_options.h"

namespace CLI {
class App;
}

namespace wskit::cli {

// As it was typed.
struct ConnectOptions {
  std::string url = "ws://127.0.0.1:9000/ws";
  std::vector<std::string> headers;  // "Name: value"
  std::string token;
  std::string token_file;
  client::TlsOptions tls;
  bool compress = false;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{10};
  bool reconnect = true;
  bool initial_retry = false;
  DurationRange backoff{std::chrono::seconds{1}, std::chrono::seconds{60}};
  std::optional<std::uint64_t> retries;
  std::optional<std::chrono::nanoseconds> retry_max_time;
};

// Adds --cacert, --cert, --key-file and --insecure to the group; `options` must
// outlive the parsing. What they name is read by client::check_tls_options.
void add_tls_options(CLI::App& app, client::TlsOptions& options, const std::string& group);

// Adds the groups "Connection" and "Reconnecting" to `app`; `options` must
// outlive the parsing.
void add_connect_options(CLI::App& app, ConnectOptions& options);

// What the options mean: the URL parsed, the token read from its file. An error is the user's (exit code 2);
// it never holds the token.
[[nodiscard]] ValueResult<client::ClientOptions> client_options(const ConnectOptions& options);

}  // namespace wskit::cli
