#include "wsserve/connection/logs.h"

#include <string>

#include "wsserve/audit/records.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/log/actor.h"
#include "wsserve/log/reports.h"

namespace wskit::server::logs {
namespace {

Actor actor(const Connection& connection) {
  return {.connection = connection.id(),
          .user = std::string(connection.user()),
          .address = connection.peer_address().to_string()};
}

RefusedRequest refused(const Connection& connection, const http::Request& request,
                       const http::Response& response) {
  RefusedRequest made{.method = request.method,
                      .path = request.path,
                      .origin = {},
                      .status = response.status,
                      .body = response.body,
                      .before_sign_in = connection.identity().awaits_token};
  if (request.count("origin") > 0) made.origin = request.header("origin");
  return made;
}

}  // namespace

void connect(Host& host, const Connection& connection, std::string_view kind) {
  ServerLog* log = host.server.log();
  if (log != nullptr && log->tells_connections()) report::connect(*log, actor(connection), kind);
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::connect(*audit, host.clock.timestamp(), actor(connection), kind);
}

void disconnect(Host& host, const Connection& connection, protocol::CloseCode code, std::string_view reason) {
  ServerLog* log = host.server.log();
  if (log != nullptr && report::tells(*log, code)) {
    report::disconnect(*log, actor(connection), code, reason, connection.counters());
  }
  AuditLog* audit = host.server.audit();
  if (audit == nullptr) return;
  audit::disconnect(*audit, host.clock.timestamp(), actor(connection), code, reason, connection.counters());
}

void command(Host& host, const Connection& connection, const protocol::Command& command) {
  ServerLog* log = host.server.log();
  if (log != nullptr && log->tells_commands()) report::command(*log, actor(connection), command);
}

void refuse(Host& host, const Connection& connection, const protocol::Error& error) {
  ServerLog* log = host.server.log();
  if (log != nullptr && report::tells(*log, error)) report::refuse(*log, actor(connection), error);
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::refuse(*audit, host.clock.timestamp(), actor(connection), error);
}

void refuse_request(Host& host, const Connection& connection, const http::Request& request,
                    const http::Response& response) {
  ServerLog* log = host.server.log();
  AuditLog* audit = host.server.audit();
  if (log == nullptr && audit == nullptr) return;
  const RefusedRequest asked = refused(connection, request, response);
  if (log != nullptr && report::tells(*log, asked)) report::refuse_request(*log, actor(connection), asked);
  if (audit != nullptr) audit::refuse_request(*audit, host.clock.timestamp(), actor(connection), asked);
}

void trouble(Host& host, const Connection& connection, Trouble kind, std::string_view what) {
  ServerLog* log = host.server.log();
  if (log != nullptr) report::trouble(*log, actor(connection), kind, what);
}

void authenticate(Host& host, const Connection& connection) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::authenticate(*audit, host.clock.timestamp(), actor(connection));
}

void subscribe(Host& host, const Connection& connection,
               std::span<const protocol::SubscribedChannel> channels) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::subscribe(*audit, host.clock.timestamp(), actor(connection), channels);
}

void unsubscribe(Host& host, const Connection& connection, std::span<const std::string_view> channels) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::unsubscribe(*audit, host.clock.timestamp(), actor(connection), channels);
}

void publish(Host& host, const Connection& connection, std::span<const protocol::PublishEvent> events,
             std::span<const protocol::Published> published) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::publish(*audit, host.clock.timestamp(), actor(connection), events, published);
}

void administer(Host& host, const Connection& administrator, std::string_view action,
                std::string_view target) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr)
    audit::administer(*audit, host.clock.timestamp(), actor(administrator), action, target);
}

}  // namespace wskit::server::logs
