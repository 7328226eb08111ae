#include "wsserve/audit/records.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"
#include "wsserve/audit/audit_log.h"
#include "wsserve/connection/connection.h"
#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"
#include "wsserve/log/reports.h"
#include "wsserve/shard.h"

namespace wskit::server::audit {
namespace {

// One JSON object, member by member.
class Record {
 public:
  Record(std::string_view time, std::string_view what) {
    add("time", time);
    add("what", what);
  }
  Record(Shard& shard, std::string_view what, const Connection& connection)
      : Record(shard.timestamp(), what) {
    add("connection", connection.id());
    if (connection.user().empty()) {
      add_json("user", "null");
    } else {
      add("user", connection.user());
    }
    add("address", connection.peer_address().to_string());
  }

  void add(std::string_view name, std::string_view value) {
    begin(name);
    protocol::append_quoted(text_, value);
  }
  void add_json(std::string_view name, std::string_view json) {
    begin(name);
    protocol::append_plain_json(text_, json);
  }
  void add_number(std::string_view name, std::uint64_t value) { add_json(name, std::to_string(value)); }

  template <class Names>
  void add_names(std::string_view name, const Names& names) {
    begin(name);
    char mark = '[';
    for (const std::string_view each : names) {
      text_ += mark;
      protocol::append_quoted(text_, each);
      mark = ',';
    }
    text_ += mark == '[' ? "[]" : "]";
  }

  void write(AuditLog& log) {
    text_ += '}';
    log.write(text_);
  }

 private:
  void begin(std::string_view name) {
    text_ += text_.empty() ? '{' : ',';
    text_ += '"';
    text_ += name;
    text_ += "\":";
  }

  std::string text_;
};

}  // namespace

void connect(Shard& shard, const Connection& connection, std::string_view kind) {
  report::connect(shard, connection, kind);
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record record(shard, "connect", connection);
  record.add("kind", kind);
  record.write(*log);
}

void disconnect(Shard& shard, const Connection& connection, protocol::CloseCode code,
                std::string_view reason) {
  report::disconnect(shard, connection, code, reason);
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record record(shard, "disconnect", connection);
  record.add_number("code", static_cast<std::uint64_t>(code));
  record.add("reason", reason);
  const protocol::DeliveryCounters counters = connection.counters();
  record.add_number("delivered", counters.delivered);
  record.add_number("dropped", counters.dropped);
  record.write(*log);
}

void authenticate(Shard& shard, const Connection& connection) {
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record(shard, "authenticate", connection).write(*log);
}

void refuse(Shard& shard, const Connection& connection, const protocol::Error& error) {
  report::refuse(shard, connection, error);
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record record(shard, "refuse", connection);
  record.add("code", protocol::to_string(error.code));
  record.add("message", error.message);
  record.write(*log);
}

void refuse_request(Shard& shard, const Connection& connection, const http::Request& request,
                    const http::Response& response) {
  report::refuse_request(shard, connection, request, response);
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record record(shard, "refuse", connection);
  record.add_number("status", response.status);
  record.add("method", request.method);
  record.add("path", request.path);
  if (request.count("origin") > 0) record.add("origin", request.header("origin"));
  // {"error":{…}} and a line end, as every refusal has it.
  constexpr std::string_view kBefore = R"({"error":)";
  if (response.body.starts_with(kBefore)) {
    record.add_json(
        "error",
        std::string_view(response.body).substr(kBefore.size(), response.body.size() - kBefore.size() - 2));
  }
  record.write(*log);
}

void subscribe(Shard& shard, const Connection& connection,
               std::span<const protocol::SubscribedChannel> channels) {
  AuditLog* log = shard.server().audit();
  if (log == nullptr || channels.empty()) return;
  std::vector<std::string_view> names;
  for (const protocol::SubscribedChannel& entry : channels) names.push_back(entry.channel);
  Record record(shard, "subscribe", connection);
  record.add_names("channels", names);
  record.write(*log);
}

void unsubscribe(Shard& shard, const Connection& connection, std::span<const std::string_view> channels) {
  AuditLog* log = shard.server().audit();
  if (log == nullptr || channels.empty()) return;
  Record record(shard, "unsubscribe", connection);
  record.add_names("channels", channels);
  record.write(*log);
}

void publish(Shard& shard, const Connection& connection, std::span<const protocol::PublishEvent> events,
             std::span<const protocol::Published> published) {
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  for (std::size_t i = 0; i < events.size(); ++i) {
    Record record(shard, "publish", connection);
    record.add("channel", published[i].channel);
    record.add_number("offset", published[i].offset);
    record.add("epoch", published[i].epoch);
    record.add("type", events[i].type);
    if (published[i].duplicate) record.add_json("duplicate", "true");
    if (log->with_data()) record.add_json("data", events[i].data);
    record.write(*log);
  }
}

void administer(Shard& shard, const Connection& administrator, std::string_view action,
                std::string_view target) {
  AuditLog* log = shard.server().audit();
  if (log == nullptr) return;
  Record record(shard, "administer", administrator);
  record.add("action", action);
  record.add("target", target);
  record.write(*log);
}

void serve(AuditLog* log, std::string_view action, std::string_view detail) {
  if (log == nullptr) return;
  Record record(protocol::Timestamp::now().text(), "server");
  record.add("action", action);
  if (!detail.empty()) record.add("detail", detail);
  record.write(*log);
}

}  // namespace wskit::server::audit
