#include "wsserve/http/admin_request.h"

#include <fmt/format.h>

#include <charconv>

#include "common/protocol/quote.h"
#include "wsserve/http/response.h"
#include "wsserve/http/uri.h"

namespace wskit::server::http {
namespace {

using Parsed = std::variant<AdminRequest, HttpError>;
using Action = AdminRequest::Action;

constexpr std::size_t kMaxLimit = 10'000;

std::vector<std::string_view> parameters_of(const AdminRequest& asked) {
  switch (asked.action) {
    case Action::kListChannels:
      return {"limit", "pattern"};
    case Action::kListConnections:
      return {"channel", "limit", "user"};
    case Action::kShowConnection:
      return {};
    case Action::kDisconnect:
      break;
  }
  return asked.connection.empty() ? std::vector<std::string_view>{"user"} : std::vector<std::string_view>{};
}

// What is wrong with a parameter of the query; takes it up.
std::optional<HttpError> take(AdminRequest& asked, const std::string& name, const std::string& value) {
  if (name == "limit") {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), asked.limit);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (whole && asked.limit >= 1 && asked.limit <= kMaxLimit) return std::nullopt;
    return bad_request(
        fmt::format("limit=: {} is not a number from 1 to {}", protocol::quote(value), kMaxLimit));
  }
  if (name == "pattern") {
    const auto pattern = protocol::Pattern::parse(value);
    if (!pattern) return bad_request("pattern=: " + pattern.error().message);
    asked.pattern = *pattern;
  } else if (name == "user") {
    asked.user = value;
  } else if (name == "channel") {
    if (const auto checked = protocol::check_channel(value); !checked) {
      return bad_request("channel=: " + checked.error().message);
    }
    asked.channel = value;
  }
  return std::nullopt;
}

Parsed with_query(const Request& request, AdminRequest asked) {
  const auto parameters = parse_query(request.query);
  if (!parameters) return bad_request("the query has a malformed percent escape");
  std::string fault = query_fault(*parameters, parameters_of(asked));
  if (!fault.empty()) return bad_request(std::move(fault));
  for (const auto& [name, value] : *parameters) {
    if (auto error = take(asked, name, value)) return *std::move(error);
  }
  if (asked.action == Action::kDisconnect && asked.connection.empty() && !asked.user) {
    return bad_request("say whom: DELETE /connections/<id>, or DELETE /connections?user=<user>");
  }
  return asked;
}

}  // namespace

std::string AdminRequest::target() const {
  std::string target;
  const auto add = [&target](std::string_view kind, const std::string& name) {
    if (!target.empty()) target += ", ";
    target += kind;
    target += ' ';
    target += name;
  };
  if (!connection.empty()) add("connection", connection);
  if (user) add("user", *user);
  if (channel) add("channel", *channel);
  return target;
}

std::string AdminRequest::what() const {
  if (action == Action::kListChannels) return "listing channels";
  return action == Action::kDisconnect ? "disconnecting others" : "listing connections";
}

Parsed admin_request(const Request& request, Address address, std::string_view rest) {
  AdminRequest asked;
  if (address == Address::kChannels) {
    asked.action = AdminRequest::Action::kListChannels;
  } else if (address == Address::kConnection) {
    const auto id = percent_decode(rest);
    if (!id) return bad_request("the connection's id has a malformed percent escape");
    asked.connection = *id;
    asked.action = AdminRequest::Action::kShowConnection;
  }
  if (request.method == "DELETE") asked.action = AdminRequest::Action::kDisconnect;
  return with_query(request, std::move(asked));
}

}  // namespace wskit::server::http
