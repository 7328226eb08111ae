#include "common/client/refusal_hint.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace wskit::client {
namespace {

bool shows_who_we_are(const ClientOptions& options) {
  const bool in_header = std::ranges::any_of(options.headers, [](const auto& header) {
    return boost::beast::iequals(header.first, "Authorization");
  });
  return !options.token.empty() || in_header || options.url.target.find("token=") != std::string::npos;
}

}  // namespace

std::string unauthorized(const ClientOptions& options, std::string_view message) {
  const std::string hint = unauthorized_hint(options);
  // The server's remedy is a command, which nobody at a shell can send.
  if (!shows_who_we_are(options)) return fmt::format("the server wants to know who this is: {}", hint);
  return fmt::format("the server does not take the token: {}; {}", message, hint);
}

std::string unauthorized_hint(const ClientOptions& options) {
  if (!shows_who_we_are(options)) return "give a token with --token-file or WSKIT_TOKEN";
  if (!options.token_file.empty()) return fmt::format("put a good token into {}", options.token_file);
  return "give another token, with --token-file or WSKIT_TOKEN";
}

std::string forbidden_hint(const ClientOptions& options) {
  if (!shows_who_we_are(options)) return "a token that permits it may help: --token-file or WSKIT_TOKEN";
  return "this token does not permit it";
}

}  // namespace wskit::client
