#include "common/cli/connect_options.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/cli/color.h"
#include "common/cli/identity_options.h"
#include "common/cli/option_values.h"
#include "common/client/tls.h"
#include "common/client/token_file.h"
#include "common/client/url.h"
#include "common/text.h"

namespace wskit::cli {
namespace {

constexpr const char* kTokenVariable = "WSKIT_TOKEN";
// The longest wait before an attempt where somebody watches.
constexpr std::chrono::seconds kWatchedBackoff{3};

constexpr const char* kTokenFileVariable = "WSKIT_TOKEN_FILE";

struct Token {
  std::string text;  // empty: none
  std::string file;  // where a newer one may be found; empty: nowhere
};

bool comes_from(const char* variable, const std::string& value) {
  const char* found = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return found != nullptr && value == found;
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  for (const char c : name) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && kOthers.find(c) == std::string_view::npos) return false;
  }
  return !name.empty();
}

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return true;
  }
  return false;
}

ValueResult<std::pair<std::string, std::string>> parse_header(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  // Not shown: it may be a token without its header's name.
  if (colon == std::string_view::npos) return ValueError{"--header: write it as 'Name: value'"};
  if (!is_header_name(name) || has_control_character(text)) {
    return ValueError{fmt::format("--header: '{}' is not a header; write it as 'Name: value'", name)};
  }
  return std::pair{std::string(name), std::string(trim(text.substr(colon + 1)))};
}

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool has_header(const HeaderList& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const auto& header) {
    return std::ranges::equal(header.first, name, {}, lower_case, lower_case);
  });
}

ValueResult<Token> read_token(const std::string& path) {
  auto token = client::TokenFile(path).read();
  if (!token) return ValueError{"--token-file: " + token.error().message};
  return Token{.text = std::move(*token), .file = client::can_be_read_again(path) ? path : std::string{}};
}

// A token on the command line beats a file in the environment and the other way
// round; between equals the token itself counts.
ValueResult<Token> effective_token(const ConnectOptions& options) {
  const bool weaker = comes_from(kTokenVariable, options.token) && !options.token_file.empty() &&
                      !comes_from(kTokenFileVariable, options.token_file);
  if (!options.token.empty() && !weaker) {
    const std::string token(trim(options.token));
    if (!client::is_sendable_token(token)) {
      return ValueError{"--token: the token holds characters that cannot be sent"};
    }
    return Token{.text = token, .file = {}};
  }
  return options.token_file.empty() ? ValueResult<Token>(Token{}) : read_token(options.token_file);
}

// Who connects.
struct Identity {
  HeaderList headers;
  Token token;
};

ValueResult<Identity> read_identity(const ConnectOptions& options) {
  Identity identity;
  for (const std::string& text : options.headers) {
    ValueResult<std::pair<std::string, std::string>> header = parse_header(text);
    if (!header) return header.error();
    identity.headers.push_back(std::move(*header));
  }
  ValueResult<Token> token = effective_token(options);
  if (!token) return token.error();
  identity.token = std::move(*token);
  if (!identity.token.text.empty() && has_header(identity.headers, "Authorization")) {
    return ValueError{"--header: Authorization is what the token is sent in; give the one or the other"};
  }
  return identity;
}

}  // namespace

void add_tls_options(CLI::App& app, client::TlsOptions& options, const std::string& group) {
  add_text(app, "--cacert", options.ca_file, "FILE",
           "Trust the certificates in this PEM file instead of the system's")
      ->group(group);
  add_text(
      app, "--cert", options.cert_file, "FILE",
      "Show a wss:// server that asks for one the certificate in this PEM file, with the chain behind it")
      ->group(group);
  add_text(app, "--key-file", options.key_file, "FILE",
           "The private key of --cert (PEM, no pass phrase), if it is not in the same file")
      ->group(group);
  app.add_flag("--insecure", options.insecure, "Take any certificate of a wss:// server")->group(group);
}

void add_identity_options(CLI::App& app, ConnectOptions& options, const std::string& group) {
  add_texts(app, "-H,--header", options.headers, "HEADER",
            "Send this header with the upgrade, as 'Name: value'")
      ->group(group);
  add_text(app, "--token", options.token, "TOKEN",
           "Send this token as Authorization: Bearer; others can see it in the process list, "
           "--token-file is safer",
           Empty::kAllowed)
      ->envname(kTokenVariable)
      ->group(group);
  add_text(app, "--token-file", options.token_file, "FILE",
           "Read the token from a file or /dev/fd/N; when the file changes, the connection goes on with "
           "the new one",
           Empty::kAllowed)
      ->envname(kTokenFileVariable)
      ->group(group);
}

void add_connect_options(CLI::App& app, ConnectOptions& options) {
  const auto connection = [](CLI::Option* option) { return option->group("Connection"); };
  connection(add_text(app, "-u,--url", options.url, "URL",
                      "The server: ws://HOST:PORT, wss://HOST or ws+unix:PATH; without a path, /ws"))
      ->envname("WSKIT_URL");
  add_identity_options(app, options, "Connection");
  add_tls_options(app, options.tls, "Connection");
  connection(app.add_flag("--compress", options.compress, "Offer permessage-deflate"));
  connection(add_duration(app, "--connect-timeout", options.connect_timeout,
                          "Give an attempt to connect up after this time"));

  const auto reconnecting = [](CLI::Option* option) { return option->group("Reconnecting"); };
  reconnecting(
      app.add_flag("--reconnect,!--no-reconnect", options.reconnect, "Come back when the connection is lost"))
      ->default_str("true");
  reconnecting(app.add_flag("--initial-retry", options.initial_retry,
                            "Try again also where the first connection cannot be made"));
  reconnecting(
      add_duration_range(app, "--backoff", options.backoff,
                         "Wait a random time before an attempt, up to the first limit at first and "
                         "doubling up to the second; on a terminal up to 3s where this is not given"));
  reconnecting(
      add_count(app, "--retries", options.retries, "Attempts in a row before giving up; without it, no end"));
  reconnecting(add_duration(app, "--retry-max-time", options.retry_max_time,
                            "Give up when the server was away for this long"));
}

ValueResult<HeaderList> upgrade_headers(const ConnectOptions& options) {
  const auto identity = read_identity(options);
  if (!identity) return identity.error();
  HeaderList headers = identity->headers;
  if (!identity->token.text.empty()) headers.emplace_back("Authorization", "Bearer " + identity->token.text);
  return headers;
}

ValueResult<client::ClientOptions> client_options(const ConnectOptions& options) {
  client::ClientOptions result;
  const auto url = client::parse_url(options.url);
  if (!url) return ValueError{"--url: " + url.error().message};
  result.url = *url;
  const auto identity = read_identity(options);
  if (!identity) return identity.error();
  result.headers = identity->headers;
  result.token = identity->token.text;
  result.token_file = identity->token.file;
  result.tls = options.tls;
  if (const auto fault = client::check_tls_options(result.tls)) return ValueError{*fault};
  result.offer_deflate = options.compress;
  if (options.connect_timeout.count() <= 0) return ValueError{"--connect-timeout must be greater than 0"};
  if (options.backoff.to.count() <= 0) {
    return ValueError{
        "--backoff: the second limit must be greater than 0, or nothing slows the attempts down"};
  }
  result.connect_timeout = options.connect_timeout;
  result.reconnect.enabled = options.reconnect;
  result.reconnect.initial = options.initial_retry;
  result.reconnect.backoff = {.first = options.backoff.from, .cap = options.backoff.to};
  // Who watches does not wait a minute, unless it was said.
  const DurationRange unsaid = ConnectOptions{}.backoff;
  const bool said = options.backoff.from != unsaid.from || options.backoff.to != unsaid.to;
  if (!said && is_terminal(STDERR_FILENO)) result.reconnect.backoff.cap = kWatchedBackoff;
  result.reconnect.retries = options.retries;
  result.reconnect.max_time = options.retry_max_time;
  return result;
}

}  // namespace wskit::cli
