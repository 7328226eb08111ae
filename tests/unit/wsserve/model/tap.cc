#include "tap.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace wskit::server::model {

using nlohmann::ordered_json;

void Tap::connect(const Reference& reference, const ChannelRules& rules) {
  client_ = std::make_unique<WireClient>(ways_.socket_path, ways_.target, ways_.offer_deflate);
  audit_ = std::make_unique<Audit>(reference, rules);
  looked_ = std::chrono::steady_clock::now();
  longest_absence_ = {};
  last_pong_.clear();
}

std::unique_ptr<Audit> Tap::leave() {
  client_.reset();
  return std::move(audit_);
}

void Tap::subscribe(const std::vector<Wish>& wanted, const protocol::Since& since, Asked asked) {
  const std::string id = "s" + std::to_string(++commands_);
  ordered_json command{{"action", "subscribe"}, {"id", id}};
  for (const Wish& wish : wanted) command["channels"].push_back(wish.name);
  const Wish& first = wanted.front();
  if (first.types) command["events"] = *first.types;
  if (first.max_rate > 0) command["max_rate"] = first.max_rate;
  if (first.conflate) command["conflate"] = true;
  if (!std::holds_alternative<protocol::FromNow>(since)) {
    command["since"] = ordered_json::parse(protocol::to_json(since));
  }
  asked.wishes = wanted;
  asked.since = since;
  const std::string text = command.dump();
  audit_->asked(id, text, std::move(asked));
  client_->send_text(text);
}

void Tap::unsubscribe(const std::string& name, Asked asked) {
  const std::string id = "u" + std::to_string(++commands_);
  asked.subscribes = false;
  asked.wishes = {Wish{.name = name, .types = {}}};
  const std::string text = ordered_json{{"action", "unsubscribe"}, {"id", id}, {"channels", {name}}}.dump();
  audit_->asked(id, text, std::move(asked));
  client_->send_text(text);
}

void Tap::ping(const std::string& id) {
  client_->send_text(ordered_json{{"action", "ping"}, {"id", id}}.dump());
}

void Tap::pump(Moment now, const Reference& reference) {
  const auto began = std::chrono::steady_clock::now();
  client_->pump();
  // What came as the last look began may have been answered only now.
  longest_absence_ = std::max(longest_absence_, std::chrono::steady_clock::now() - looked_);
  looked_ = began;
  if (tamper_) tamper_(client_->heard());
  for (std::string& text : client_->heard()) {
    note(text, reference);
    audit_->heard(std::move(text), now);
  }
  client_->heard().clear();
}

void Tap::note(const std::string& text, const Reference& reference) {
  std::string storage;
  if (const auto event = protocol::decode_event(text, storage)) {
    const std::string channel(event->channel);
    const std::string epoch = reference.epoch_of(channel);
    protocol::Position& position = positions[channel];
    const std::uint64_t before = position.epoch == epoch ? position.offset : 0;
    position = {.offset = std::max(before, event->offset), .epoch = epoch};
  } else if (text.starts_with(R"({"type":"pong")")) {
    last_pong_ = ordered_json::parse(text).at("id");
  }
}

}  // namespace wskit::server::model
