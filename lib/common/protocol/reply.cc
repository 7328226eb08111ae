#include "common/protocol/reply.h"

#include "common/protocol/json_writer.h"

namespace wskit::protocol {
namespace {

// Writes the `data` of a reply.
class DataWriter {
 public:
  explicit DataWriter(std::string& out) : json_(out) {}

  void operator()(const Connected& connected) {
    json_.begin_object();
    json_.member("connection", connected.connection);
    json_.member_or_null("user", connected.user);
    json_.member("server", connected.server);
    json_.member("node", connected.node);
    json_.member("heartbeat", connected.heartbeat_seconds);
    json_.member("max_message_bytes", connected.max_message_bytes);
    json_.member_list("channels", connected.channels);
    json_.member_list("features", connected.features);
    json_.member_if("auth_within", connected.auth_within_seconds);
    json_.end_object();
  }

  void operator()(const Subscribed& subscribed) {
    json_.begin_object();
    json_.name("channels");
    json_.begin_array();
    for (const SubscribedChannel& channel : subscribed.channels) write(channel);
    json_.end_array();
    json_.member_list("events", subscribed.event_types);
    json_.end_object();
  }

  void operator()(const Unsubscribed& unsubscribed) {
    json_.begin_object();
    json_.member_list("channels", unsubscribed.channels);
    json_.member_list("events", unsubscribed.event_types);
    json_.end_object();
  }

  void operator()(const PublishedAll& published) {
    if (published.batch) json_.begin_array();
    for (const Published& event : published.events) write(event);
    if (published.batch) json_.end_array();
  }

  void operator()(const HistoryEvents& history) {
    json_.begin_object();
    json_.name("events");
    json_.begin_array();
    for (const std::string_view event : history.events) json_.json(event);
    json_.end_array();
    json_.member("offset", history.offset);
    json_.member("epoch", history.epoch);
    json_.member("oldest", history.oldest);
    json_.member("recovered", history.recovered);
    json_.member("complete", history.complete);
    json_.end_object();
  }

  void operator()(const Present& present) {
    json_.begin_object();
    json_.member("channel", present.channel);
    json_.member_json("connections", present.connections);
    json_.member("count", present.count);
    json_.end_object();
  }

  void operator()(const Statistics& statistics) { json_.json(statistics.json); }

  void operator()(const Pong& pong) {
    json_.begin_object();
    if (!pong.timestamp.empty()) json_.member_json("timestamp", pong.timestamp);
    json_.end_object();
  }

  void operator()(const Authenticated& authenticated) {
    json_.begin_object();
    json_.member("user", authenticated.user);
    json_.member_or_null("expires", authenticated.expires);
    json_.end_object();
  }

  void operator()(const Gap& gap) { write_gap(gap); }

  void operator()(const DeliveryCounters& counters) {
    json_.begin_object();
    json_.member("delivered", counters.delivered);
    json_.member("merged", counters.merged);
    json_.member("filtered", counters.filtered);
    json_.member("dropped", counters.dropped);
    json_.member("queued_bytes", counters.queued_bytes);
    json_.end_object();
  }

  void operator()(const Closing& closing) {
    json_.begin_object();
    json_.member("code", closing.code);
    json_.member("reason", closing.reason);
    json_.end_object();
  }

  void operator()(const Refused& refused) {
    json_.begin_object();
    json_.member("code", refused.code);
    json_.member("message", refused.message);
    json_.member_json("details", refused.details.empty() ? std::string_view("{}") : refused.details);
    json_.end_object();
  }

 private:
  template <class AnyGap>
  void write_gap(const AnyGap& gap) {
    json_.begin_object();
    json_.member("channel", gap.channel);
    json_.member("offset", gap.offset);
    json_.member("epoch", gap.epoch);
    json_.member("oldest", gap.oldest);
    json_.end_object();
  }

  // What a channel and a match of a pattern have in common.
  template <class Place>
  void write_recovery(const Place& place) {
    json_.member("recovered", place.recovered);
    json_.member("replayed", place.replayed);
    json_.member_if("oldest", place.oldest);
  }

  void write(const SubscribedMatch& match) {
    json_.begin_object();
    json_.member("channel", match.channel);
    json_.member("offset", match.offset);
    json_.member("epoch", match.epoch);
    write_recovery(match);
    json_.end_object();
  }

  void write(const SubscribedChannel& channel) {
    json_.begin_object();
    json_.member("channel", channel.channel);
    json_.name("offset");
    if (channel.offset) {
      json_.value(*channel.offset);
    } else {
      json_.json("null");
    }
    json_.member_or_null("epoch", channel.epoch);
    write_recovery(channel);
    if (!channel.gaps.empty()) {
      json_.name("gaps");
      json_.begin_array();
      for (const SubscribedGap& gap : channel.gaps) write_gap(gap);
      json_.end_array();
    }
    if (channel.more_gaps > 0) json_.member("more_gaps", channel.more_gaps);
    if (channel.matched) {
      json_.name("matched");
      json_.begin_array();
      for (const SubscribedMatch& match : *channel.matched) write(match);
      json_.end_array();
    }
    json_.end_object();
  }

  void write(const Published& event) {
    json_.begin_object();
    json_.member("channel", event.channel);
    json_.member("offset", event.offset);
    json_.member("epoch", event.epoch);
    if (event.duplicate) json_.member("duplicate", true);
    json_.end_object();
  }

  JsonWriter json_;
};

}  // namespace

std::string_view type_of(const Reply& reply) { return kReplyTypes[reply.index()]; }

void append_reply(std::string& out, std::string_view id, std::string_view timestamp, const Reply& reply) {
  out.append(R"({"type":")").append(type_of(reply));
  if (!id.empty()) {
    out.append(R"(","id":)").append(id).append(R"(,"timestamp":")");
  } else {
    out.append(R"(","timestamp":")");
  }
  out.append(timestamp).append(R"(","data":)");
  append_reply_data(out, reply);
  out.push_back('}');
}

void append_reply_data(std::string& out, const Reply& reply) { std::visit(DataWriter(out), reply); }

}  // namespace wskit::protocol
