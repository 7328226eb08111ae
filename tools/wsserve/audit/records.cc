#include "wsserve/audit/records.h"

#include <cstdint>
#include <string>
#include <vector>

#include "common/protocol/quote.h"
#include "common/protocol/timestamp.h"
#include "wsserve/audit/audit_log.h"

namespace wskit::server::audit {
namespace {

// One JSON object, member by member.
class Record {
 public:
  Record(std::string_view time, std::string_view what) {
    add("time", time);
    add("what", what);
  }
  Record(std::string_view time, std::string_view what, const Actor& actor) : Record(time, what) {
    add("connection", actor.connection);
    if (actor.user.empty()) {
      add_json("user", "null");
    } else {
      add("user", actor.user);
    }
    add("address", actor.address);
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

void connect(AuditLog& log, std::string_view time, const Actor& actor, std::string_view kind) {
  Record record(time, "connect", actor);
  record.add("kind", kind);
  record.write(log);
}

void disconnect(AuditLog& log, std::string_view time, const Actor& actor, protocol::CloseCode code,
                std::string_view reason, const protocol::DeliveryCounters& counters) {
  Record record(time, "disconnect", actor);
  record.add_number("code", static_cast<std::uint64_t>(code));
  record.add("reason", reason);
  record.add_number("delivered", counters.delivered);
  record.add_number("dropped", counters.dropped);
  record.write(log);
}

void authenticate(AuditLog& log, std::string_view time, const Actor& actor) {
  Record(time, "authenticate", actor).write(log);
}

void refuse(AuditLog& log, std::string_view time, const Actor& actor, const protocol::Error& error) {
  Record record(time, "refuse", actor);
  record.add("code", protocol::to_string(error.code));
  record.add("message", error.message);
  record.write(log);
}

void refuse_request(AuditLog& log, std::string_view time, const Actor& actor, const RefusedRequest& request) {
  Record record(time, "refuse", actor);
  record.add_number("status", request.status);
  record.add("method", request.method);
  record.add("path", request.path);
  if (request.origin) record.add("origin", *request.origin);
  // {"error":{…}} and a line end, as every refusal has it.
  constexpr std::string_view kBefore = R"({"error":)";
  if (request.body.starts_with(kBefore)) {
    record.add_json("error", request.body.substr(kBefore.size(), request.body.size() - kBefore.size() - 2));
  }
  record.write(log);
}

void subscribe(AuditLog& log, std::string_view time, const Actor& actor,
               std::span<const protocol::SubscribedChannel> channels) {
  if (channels.empty()) return;
  std::vector<std::string_view> names;
  for (const protocol::SubscribedChannel& entry : channels) names.push_back(entry.channel);
  Record record(time, "subscribe", actor);
  record.add_names("channels", names);
  record.write(log);
}

void unsubscribe(AuditLog& log, std::string_view time, const Actor& actor,
                 std::span<const std::string_view> channels) {
  if (channels.empty()) return;
  Record record(time, "unsubscribe", actor);
  record.add_names("channels", channels);
  record.write(log);
}

void publish(AuditLog& log, std::string_view time, const Actor& actor,
             std::span<const protocol::PublishEvent> events, std::span<const protocol::Published> published) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    Record record(time, "publish", actor);
    record.add("channel", published[i].channel);
    record.add_number("offset", published[i].offset);
    record.add("epoch", published[i].epoch);
    record.add("type", events[i].type);
    if (published[i].duplicate) record.add_json("duplicate", "true");
    if (log.with_data()) record.add_json("data", events[i].data);
    record.write(log);
  }
}

void administer(AuditLog& log, std::string_view time, const Actor& administrator, std::string_view action,
                std::string_view target) {
  Record record(time, "administer", administrator);
  record.add("action", action);
  record.add("target", target);
  record.write(log);
}

void serve(AuditLog* log, std::string_view action, std::string_view detail) {
  if (log == nullptr) return;
  Record record(protocol::Timestamp::now().text(), "server");
  record.add("action", action);
  if (!detail.empty()) record.add("detail", detail);
  record.write(*log);
}

}  // namespace wskit::server::audit
