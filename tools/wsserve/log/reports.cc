#include "wsserve/log/reports.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"

namespace wskit::server::report {
namespace {

using protocol::CloseCode;
using protocol::ErrorCode;

// "203.0.113.9, user ann".
std::string who(const Actor& actor) {
  return actor.user.empty() ? actor.address : fmt::format("{}, user {}", actor.address, actor.user);
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

std::optional<Trouble> trouble_of(const RefusedRequest& request) {
  switch (request.status) {
    case 401:
      return Trouble::kToken;
    case 403:
      // Before anybody asks whose request it is, it is looked at where it comes from.
      return request.before_sign_in ? Trouble::kOrigin : Trouble::kPermission;
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
std::string said(const RefusedRequest& request, std::string_view name) {
  protocol::JsonScanner scanner(request.body);
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

bool tells(const ServerLog& log, CloseCode code) { return log.tells_connections() || trouble_of(code); }

bool tells(const ServerLog& log, const protocol::Error& error) {
  return log.tells_connections() || trouble_of(error.code);
}

bool tells(const ServerLog& log, const RefusedRequest& request) {
  return log.tells_connections() || trouble_of(request);
}

void trouble(ServerLog& log, const Actor& actor, Trouble kind, std::string_view what) {
  log.trouble(kind, fmt::format("{}: {}", who(actor), what));
}

void connect(ServerLog& log, const Actor& actor, std::string_view kind) {
  log.connection("connection {} came: {}, {}", actor.connection, kind, who(actor));
}

void disconnect(ServerLog& log, const Actor& actor, CloseCode code, std::string_view reason,
                const protocol::DeliveryCounters& counters) {
  if (const auto kind = trouble_of(code)) trouble(log, actor, *kind, reason);
  log.connection("connection {} went: {}, {}{}{}; {} events delivered, {} dropped", actor.connection,
                 who(actor), static_cast<unsigned>(code), reason.empty() ? "" : " ", reason,
                 counters.delivered, counters.dropped);
}

void refuse(ServerLog& log, const Actor& actor, const protocol::Error& error) {
  if (const auto kind = trouble_of(error.code)) trouble(log, actor, *kind, error.message);
  log.connection("connection {} was refused {}: {}", actor.connection, protocol::to_string(error.code),
                 error.message);
}

void refuse_request(ServerLog& log, const Actor& actor, const RefusedRequest& request) {
  auto kind = trouble_of(request);
  // One status for many limits.
  if (request.status == 429 && said(request, "code") == protocol::to_string(ErrorCode::kTooManyChannels)) {
    kind = Trouble::kSubscriptionLimit;
  }
  const std::string what =
      fmt::format("{} {}: {} {}", request.method, request.path, request.status, said(request, "message"));
  if (kind) trouble(log, actor, *kind, what);
  log.connection("connection {} was refused: {}, {}", actor.connection, who(actor), what);
}

void command(ServerLog& log, const Actor& actor, const protocol::Command& command) {
  std::string of;
  if (command.channels) {
    for (const std::string_view name : *command.channels) of += fmt::format(" {}", name);
  } else if (!command.publish.empty()) {
    of = fmt::format(" {} events, the first to {}", command.publish.size(), command.publish.front().channel);
  }
  log.command("connection {}: {}{}", actor.connection, name_of(command.action), of);
}

}  // namespace wskit::server::report
