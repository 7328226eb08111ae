#include "common/protocol/control.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace wskit::protocol {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

// `,"name":` or, first in an object, `"name":`.
void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out.push_back(',');
  out.push_back('"');
  out.append(name);
  out.append("\":");
}

void append_string_member(std::string& out, std::string_view name, std::string_view value) {
  append_name(out, name);
  append_json_string(out, value);
}

void append_string_or_null(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) return append_string_member(out, name, value);
  append_name(out, name);
  out.append("null");
}

template <class Number>
void append_number_member(std::string& out, std::string_view name, Number value) {
  append_name(out, name);
  append_number(out, value);
}

template <class Values, class Append>
void append_array_member(std::string& out, std::string_view name, const Values& values,
                         const Append& append) {
  append_name(out, name);
  out.push_back('[');
  bool first = true;
  for (const auto& value : values) {
    if (!first) out.push_back(',');
    first = false;
    append(out, value);
  }
  out.push_back(']');
}

// Everything before the data. The data and a closing brace follow.
void append_head(std::string& out, std::string_view type, std::string_view id, std::string_view timestamp) {
  out.append(R"({"type":")");
  out.append(type);
  if (!id.empty()) {
    out.append(R"(","id":)");
    out.append(id);
    out.append(R"(,"timestamp":")");
  } else {
    out.append(R"(","timestamp":")");
  }
  out.append(timestamp);
  out.append(R"(","data":)");
}

void append_subscribed_gap(std::string& out, const SubscribedGap& gap) {
  out.push_back('{');
  append_string_member(out, "channel", gap.channel);
  append_number_member(out, "offset", gap.offset);
  append_string_member(out, "epoch", gap.epoch);
  append_number_member(out, "oldest", gap.oldest);
  out.push_back('}');
}

void append_recovery(std::string& out, bool recovered, std::uint64_t replayed,
                     std::optional<std::uint64_t> oldest) {
  append_name(out, "recovered");
  out.append(recovered ? "true" : "false");
  append_number_member(out, "replayed", replayed);
  if (oldest) append_number_member(out, "oldest", *oldest);
}

void append_subscribed_match(std::string& out, const SubscribedMatch& match) {
  out.push_back('{');
  append_string_member(out, "channel", match.channel);
  append_number_member(out, "offset", match.offset);
  append_string_member(out, "epoch", match.epoch);
  append_recovery(out, match.recovered, match.replayed, match.oldest);
  out.push_back('}');
}

void append_subscribed_channel(std::string& out, const SubscribedChannel& subscribed) {
  out.push_back('{');
  append_string_member(out, "channel", subscribed.channel);
  append_name(out, "offset");
  if (subscribed.offset) {
    append_number(out, *subscribed.offset);
  } else {
    out.append("null");
  }
  append_string_or_null(out, "epoch", subscribed.epoch);
  append_recovery(out, subscribed.recovered, subscribed.replayed, subscribed.oldest);
  if (!subscribed.gaps.empty()) {
    append_array_member(out, "gaps", std::span(subscribed.gaps), append_subscribed_gap);
  }
  if (subscribed.more_gaps > 0) append_number_member(out, "more_gaps", subscribed.more_gaps);
  if (subscribed.matched) {
    append_array_member(out, "matched", std::span(*subscribed.matched), append_subscribed_match);
  }
  out.push_back('}');
}

void append_published_event(std::string& out, const Published& published) {
  out.push_back('{');
  append_string_member(out, "channel", published.channel);
  append_number_member(out, "offset", published.offset);
  append_string_member(out, "epoch", published.epoch);
  if (published.duplicate) out.append(R"(,"duplicate":true)");
  out.push_back('}');
}

bool must_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  constexpr std::string_view kShortNames = "\"\\bfnrt";
  const std::size_t index = kShort.find(c);
  if (index != std::string_view::npos) {
    out.push_back('\\');
    out.push_back(kShortNames[index]);
    return;
  }
  const auto byte = static_cast<unsigned char>(c);
  out.append("\\u00");
  out.push_back(kHex[byte >> 4U]);
  out.push_back(kHex[byte & 0xFU]);
}

}  // namespace

void append_control(std::string& out, std::string_view type, std::string_view id, std::string_view timestamp,
                    std::string_view data_json) {
  append_head(out, type, id, timestamp);
  out.append(data_json);
  out.push_back('}');
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t plain = 0;  // where the run begins that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!must_escape(text[i])) continue;
    out.append(text, plain, i - plain);
    append_escape(out, text[i]);
    plain = i + 1;
  }
  out.append(text, plain, text.size() - plain);
  out.push_back('"');
}

void append_connected(std::string& out, std::string_view timestamp, const Connected& connected) {
  append_head(out, "connected", {}, timestamp);
  out.push_back('{');
  append_string_member(out, "connection", connected.connection);
  append_string_or_null(out, "user", connected.user);
  append_string_member(out, "server", connected.server);
  append_string_member(out, "node", connected.node);
  append_number_member(out, "heartbeat", connected.heartbeat_seconds);
  append_number_member(out, "max_message_bytes", connected.max_message_bytes);
  append_array_member(out, "channels", connected.channels, append_json_string);
  append_array_member(out, "features", connected.features, append_json_string);
  if (connected.auth_within_seconds) append_number_member(out, "auth_within", *connected.auth_within_seconds);
  out.append("}}");
}

void append_subscribed(std::string& out, std::string_view id, std::string_view timestamp,
                       std::span<const SubscribedChannel> channels,
                       std::span<const std::string> event_types) {
  append_head(out, "subscribed", id, timestamp);
  out.push_back('{');
  append_array_member(out, "channels", channels, append_subscribed_channel);
  append_array_member(out, "events", event_types, append_json_string);
  out.append("}}");
}

void append_unsubscribed(std::string& out, std::string_view id, std::string_view timestamp,
                         std::span<const std::string_view> channels,
                         std::span<const std::string> event_types) {
  append_head(out, "unsubscribed", id, timestamp);
  out.push_back('{');
  append_array_member(out, "channels", channels, append_json_string);
  append_array_member(out, "events", event_types, append_json_string);
  out.append("}}");
}

void append_published(std::string& out, std::string_view id, std::string_view timestamp,
                      std::span<const Published> published, bool batch) {
  append_head(out, "published", id, timestamp);
  append_published_data(out, published, batch);
  out.push_back('}');
}

void append_published_data(std::string& out, std::span<const Published> published, bool batch) {
  if (batch) out.push_back('[');
  bool first = true;
  for (const Published& event : published) {
    if (!first) out.push_back(',');
    first = false;
    append_published_event(out, event);
  }
  if (batch) out.push_back(']');
}

void append_pong(std::string& out, std::string_view id, std::string_view timestamp,
                 std::string_view client_timestamp) {
  append_head(out, "pong", id, timestamp);
  out.push_back('{');
  if (!client_timestamp.empty()) {
    append_name(out, "timestamp");
    out.append(client_timestamp);
  }
  out.append("}}");
}

void append_heartbeat(std::string& out, std::string_view timestamp, const DeliveryCounters& counters) {
  append_head(out, "heartbeat", {}, timestamp);
  out.push_back('{');
  append_number_member(out, "delivered", counters.delivered);
  append_number_member(out, "merged", counters.merged);
  append_number_member(out, "filtered", counters.filtered);
  append_number_member(out, "dropped", counters.dropped);
  append_number_member(out, "queued_bytes", counters.queued_bytes);
  out.append("}}");
}

void append_error(std::string& out, std::string_view id, std::string_view timestamp, const Error& error) {
  append_head(out, "error", id, timestamp);
  out.push_back('{');
  append_string_member(out, "code", to_string(error.code));
  append_string_member(out, "message", error.message);
  append_name(out, "details");
  out.append(error.details.empty() ? std::string_view("{}") : std::string_view(error.details));
  out.append("}}");
}

}  // namespace wskit::protocol
