#include "wsserve/log/reports.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"
#include "wsserve/connection/connection.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/shard.h"

namespace wskit::server::report {
namespace {

using protocol::CloseCode;
using protocol::ErrorCode;

// "203.0.113.9, user ann".
std::string who(const Connection& connection) {
  std::string text = connection.peer_address().to_string();
  if (!connection.user().empty()) text += fmt::format(", user {}", connection.user());
  return text;
}

std::optional<Trouble> trouble_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthorized:
      return Trouble::kToken;
    case ErrorCode::kForbidden:
      return Trouble::kPermission;
    case ErrorCode::kRateLimited:
      return Trouble::kRateLimit;
    case ErrorCode::kTooManyChannels:
      return Trouble::kSubscriptionLimit;
    case ErrorCode::kTooLarge:
      return Trouble::kTooLarge;
    default:
      return std::nullopt;
  }
}

// Of what is no fault of the server, and not told of by its commands' answers alone.
std::optional<Trouble> trouble_of(CloseCode code) {
  switch (code) {
    case CloseCode::kSlowConsumer:
      return Trouble::kSlowConsumer;
    case CloseCode::kTryAgainLater:
      return Trouble::kConnectionLimit;
    case CloseCode::kRateLimited:
      return Trouble::kRateLimit;
    case CloseCode::kTooBig:
      return Trouble::kTooLarge;
    default:
      return std::nullopt;
  }
}

std::optional<Trouble> trouble_of(unsigned status, const Connection& connection) {
  switch (status) {
    case 401:
      return Trouble::kToken;
    case 403:
      // Before anybody asks whose request it is, it is looked at where it comes from.
      return connection.identity().awaits_token ? Trouble::kOrigin : Trouble::kPermission;
    case 413:
    case 431:
      return Trouble::kTooLarge;
    case 429:
      return Trouble::kRateLimit;
    default:
      return std::nullopt;
  }
}

std::string_view name_of(protocol::Action action) {
  using protocol::Action;
  switch (action) {
    case Action::kAuth:
      return "auth";
    case Action::kSubscribe:
      return "subscribe";
    case Action::kUnsubscribe:
      return "unsubscribe";
    case Action::kPublish:
      return "publish";
    case Action::kHistory:
      return "history";
    case Action::kPresence:
      return "presence";
    case Action::kPing:
      return "ping";
    case Action::kStats:
      return "stats";
  }
  return "?";
}

// What the body of a refusal says under that name; empty if it says nothing.
std::string said(const http::Response& response, std::string_view name) {
  protocol::JsonScanner scanner(response.body);
  const std::string_view body = scanner.value();
  if (!scanner.finish() || !body.starts_with('{')) return {};
  const auto error = protocol::json_member(body, "error");
  if (!error || !error->starts_with('{')) return {};
  const auto value = protocol::json_member(*error, name);
  if (!value || !protocol::is_json_string(*value)) return {};
  std::string storage;
  return std::string(protocol::json_string(*value, storage).value_or(""));
}

}  // namespace

void trouble(Shard& shard, const Connection& connection, Trouble kind, std::string_view what) {
  if (ServerLog* log = shard.server().log()) log->trouble(kind, fmt::format("{}: {}", who(connection), what));
}

void connect(Shard& shard, const Connection& connection, std::string_view kind) {
  ServerLog* log = shard.server().log();
  if (log == nullptr || !log->tells_connections()) return;
  log->connection("connection {} came: {}, {}", connection.id(), kind, who(connection));
}

void disconnect(Shard& shard, const Connection& connection, CloseCode code, std::string_view reason) {
  ServerLog* log = shard.server().log();
  if (log == nullptr) return;
  if (const auto kind = trouble_of(code)) trouble(shard, connection, *kind, reason);
  if (!log->tells_connections()) return;
  const protocol::DeliveryCounters counters = connection.counters();
  log->connection("connection {} went: {}, {}{}{}; {} events delivered, {} dropped", connection.id(),
                  who(connection), static_cast<unsigned>(code), reason.empty() ? "" : " ", reason,
                  counters.delivered, counters.dropped);
}

void refuse(Shard& shard, const Connection& connection, const protocol::Error& error) {
  ServerLog* log = shard.server().log();
  if (log == nullptr) return;
  if (const auto kind = trouble_of(error.code)) trouble(shard, connection, *kind, error.message);
  if (!log->tells_connections()) return;
  log->connection("connection {} was refused {}: {}", connection.id(), protocol::to_string(error.code),
                  error.message);
}

void refuse_request(Shard& shard, const Connection& connection, const http::Request& request,
                    const http::Response& response) {
  ServerLog* log = shard.server().log();
  if (log == nullptr) return;
  auto kind = trouble_of(response.status, connection);
  // One status for many limits.
  if (response.status == 429 && said(response, "code") == protocol::to_string(ErrorCode::kTooManyChannels)) {
    kind = Trouble::kSubscriptionLimit;
  }
  if (!kind && !log->tells_connections()) return;
  const std::string what =
      fmt::format("{} {}: {} {}", request.method, request.path, response.status, said(response, "message"));
  if (kind) trouble(shard, connection, *kind, what);
  log->connection("connection {} was refused: {}, {}", connection.id(), who(connection), what);
}

void command(Shard& shard, const Connection& connection, const protocol::Command& command) {
  ServerLog* log = shard.server().log();
  if (log == nullptr || !log->tells_commands()) return;
  std::string of;
  if (command.channels) {
    for (const std::string_view name : *command.channels) of += fmt::format(" {}", name);
  } else if (!command.publish.empty()) {
    of = fmt::format(" {} events, the first to {}", command.publish.size(), command.publish.front().channel);
  }
  log->command("connection {}: {}{}", connection.id(), name_of(command.action), of);
}

}  // namespace wskit::server::report
