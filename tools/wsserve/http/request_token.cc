#include "wsserve/http/request_token.h"

#include <algorithm>
#include <string_view>

#include "common/text.h"
#include "wsserve/http/field_value.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

constexpr std::string_view kScheme = "bearer";

// What stands behind the scheme, or nothing if that is another one.
std::optional<std::string> bearer(std::string_view credentials) {
  const std::size_t space = credentials.find(' ');
  if (!same_token(credentials.substr(0, space), kScheme)) return std::nullopt;
  if (space == std::string_view::npos) return "";
  return std::string(trim(credentials.substr(space), kFieldWhiteSpace));
}

std::optional<std::string> take_from_headers(Request& request) {
  const std::optional<std::string> token = bearer(request.header("authorization"));
  std::erase_if(request.headers, [](const auto& header) { return header.first == "authorization"; });
  return token;
}

std::optional<std::string> take_from_query(Request& request) {
  std::optional<std::string> token;
  std::string left;
  std::string_view query = request.query;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    if (percent_decode(part.substr(0, equals), true) == "token") {
      // One that is malformed is no right one.
      const auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
      if (!token) token = value.value_or("");
      continue;
    }
    if (!left.empty()) left += '&';
    left += part;
  }
  request.query = left;
  return token;
}

}  // namespace

std::optional<std::string> take_token(Request& request) {
  auto header = take_from_headers(request);
  auto query = take_from_query(request);
  return header ? header : query;
}

}  // namespace wskit::server::http
