#include "wsserve/connection/logs.h"

#include <string>

#include "wsserve/audit/records.h"
#include "wsserve/connection/client.h"
#include "wsserve/connection/host.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/log/actor.h"
#include "wsserve/log/reports.h"

namespace wskit::server::logs {
namespace {

Actor actor(const Client& client) {
  return {
      .connection = client.id(), .user = std::string(client.user()), .address = client.address().to_string()};
}

RefusedRequest refused(const Client& client, const http::Request& request, const http::Response& response) {
  RefusedRequest made{.method = request.method,
                      .path = request.path,
                      .origin = {},
                      .status = response.status,
                      .body = response.body,
                      .before_sign_in = client.identity().awaits_token};
  if (request.count("origin") > 0) made.origin = request.header("origin");
  return made;
}

}  // namespace

void connect(Host& host, const Client& client, std::string_view kind) {
  ServerLog* log = host.server.log();
  if (log != nullptr && log->tells_connections()) report::connect(*log, actor(client), kind);
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::connect(*audit, host.clock.timestamp(), actor(client), kind);
}

void disconnect(Host& host, const Client& client, protocol::CloseCode code, std::string_view reason,
                const protocol::DeliveryCounters& counters) {
  ServerLog* log = host.server.log();
  if (log != nullptr && report::tells(*log, code)) {
    report::disconnect(*log, actor(client), code, reason, counters);
  }
  AuditLog* audit = host.server.audit();
  if (audit == nullptr) return;
  audit::disconnect(*audit, host.clock.timestamp(), actor(client), code, reason, counters);
}

void command(Host& host, const Client& client, const protocol::Command& command) {
  ServerLog* log = host.server.log();
  if (log != nullptr && log->tells_commands()) report::command(*log, actor(client), command);
}

void refuse(Host& host, const Client& client, const protocol::Error& error) {
  ServerLog* log = host.server.log();
  if (log != nullptr && report::tells(*log, error)) report::refuse(*log, actor(client), error);
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::refuse(*audit, host.clock.timestamp(), actor(client), error);
}

void refuse_request(Host& host, const Client& client, const http::Request& request,
                    const http::Response& response) {
  ServerLog* log = host.server.log();
  AuditLog* audit = host.server.audit();
  if (log == nullptr && audit == nullptr) return;
  const RefusedRequest asked = refused(client, request, response);
  if (log != nullptr && report::tells(*log, asked)) report::refuse_request(*log, actor(client), asked);
  if (audit != nullptr) audit::refuse_request(*audit, host.clock.timestamp(), actor(client), asked);
}

void trouble(Host& host, const Client& client, Trouble kind, std::string_view what) {
  ServerLog* log = host.server.log();
  if (log != nullptr) report::trouble(*log, actor(client), kind, what);
}

void authenticate(Host& host, const Client& client) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::authenticate(*audit, host.clock.timestamp(), actor(client));
}

void subscribe(Host& host, const Client& client, std::span<const protocol::SubscribedChannel> channels) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::subscribe(*audit, host.clock.timestamp(), actor(client), channels);
}

void unsubscribe(Host& host, const Client& client, std::span<const std::string_view> channels) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::unsubscribe(*audit, host.clock.timestamp(), actor(client), channels);
}

void publish(Host& host, const Client& client, std::span<const protocol::PublishEvent> events,
             std::span<const protocol::Published> published) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr) audit::publish(*audit, host.clock.timestamp(), actor(client), events, published);
}

void administer(Host& host, const Client& administrator, std::string_view action, std::string_view target) {
  AuditLog* audit = host.server.audit();
  if (audit != nullptr)
    audit::administer(*audit, host.clock.timestamp(), actor(administrator), action, target);
}

}  // namespace wskit::server::logs
