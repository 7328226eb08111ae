#include "publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace wskit::server::model {

void Publisher::connect() {
  client_ = std::make_unique<WireClient>(socket_path_, "/ws", false);
  for (Batch& batch : unacknowledged_) {
    batch.sent_again = true;
    client_->send_text(batch.text);
  }
}

void Publisher::publish(std::vector<Event> events, Moment now) {
  Batch batch{.id = fmt::format("{}-{}", name_, ++batches_), .text = {}, .events = std::move(events)};
  for (Event& each : batch.events) {
    if (each.event.sent != 0 || marks_ == Marks::kDedupIds) continue;
    each.event.producer = name_;
    // With gaps, as in a channel of many.
    each.event.sequence = sequence_ += 1 + static_cast<std::int64_t>(events_ % 3);
  }
  const std::string& producer = batch.events.front().event.producer;
  batch.text = fmt::format(R"({{"action":"publish","id":"{}",)", batch.id);
  if (!producer.empty()) batch.text += fmt::format(R"("producer":"{}",)", producer);
  batch.text += R"("events":[)";
  bool first = true;
  for (Event& each : batch.events) {
    if (each.event.sent == 0) each.event.sent = now;
    each.number = ++events_;
    batch.text +=
        fmt::format(R"({}{{"channel":"{}","type":"{}",)", first ? "" : ",", each.channel, each.event.type);
    batch.text += producer.empty() ? fmt::format(R"("dedup":"{}",)", each.event.dedup)
                                   : fmt::format(R"("sequence":{},)", each.event.sequence);
    if (!each.event.key.empty()) batch.text += fmt::format(R"("key":{},)", each.event.key);
    batch.text += fmt::format(R"("data":{}}})", each.event.data);
    first = false;
  }
  batch.text += "]}";
  client_->send_text(batch.text);
  unacknowledged_.push_back(std::move(batch));
}

std::string Publisher::pump(Reference& reference, Moment now) {
  client_->pump();
  std::string wrong = client_->broken();
  for (const std::string& text : client_->heard()) {
    if (!text.starts_with(R"({"type":"published")")) {
      if (wrong.empty() && text.starts_with(R"({"type":"error")")) wrong = refused(text);
      continue;
    }
    if (wrong.empty()) wrong = acknowledged(text, reference, now);
  }
  client_->heard().clear();
  if (wrong.empty() && client_->ended()) wrong = "a publisher was closed: " + client_->close_reason();
  return wrong;
}

std::string Publisher::refused(const std::string& text) {
  const auto message = nlohmann::json::parse(text);
  const bool unavailable = message.at("data").at("code") == "UNAVAILABLE";
  if (broker_ != Broker::kRefuses || !unavailable) return "a publisher was refused: " + text;
  const auto batch = std::ranges::find(unacknowledged_, message.at("id").get<std::string>(), &Batch::id);
  if (batch == unacknowledged_.end()) return "refused and not asked for: " + text;
  batch->sent_again = batch->refused = true;
  client_->send_text(batch->text);
  return {};
}

std::string Publisher::acknowledged(const std::string& text, Reference& reference, Moment now) {
  const auto message = nlohmann::json::parse(text);
  const auto answered = std::ranges::find(unacknowledged_, message.at("id").get<std::string>(), &Batch::id);
  if (answered == unacknowledged_.end()) return "acknowledged and not asked for: " + text;
  const bool first = answered == unacknowledged_.begin();
  // What waits to be settled is overtaken by what does not.
  if (!first && broker_ == Broker::kPrompt) return "acknowledged out of order: " + text;
  Batch batch = std::move(*answered);
  unacknowledged_.erase(answered);
  const auto& data = message.at("data");
  if (data.size() != batch.events.size()) return "acknowledged in part: " + text;
  for (std::size_t i = 0; i < data.size(); ++i) {
    Event& each = batch.events[i];
    if (data[i].at("channel") != each.channel) return "another channel was acknowledged: " + text;
    const std::uint64_t offset = data[i].at("offset");
    const std::string epoch = data[i].at("epoch");
    ReferenceChannel& channel = reference.channel(each.channel);
    if (channel.epoch().empty()) channel.set_epoch(epoch);
    if (epoch != channel.epoch()) return "another epoch was acknowledged: " + text;
    const bool known = channel.has(offset);
    const bool duplicate = data[i].contains("duplicate");
    if (known && !duplicate) return "an event was taken a second time: " + text;
    if (!known && duplicate && !batch.sent_again) return "a new event is called a duplicate: " + text;
    each.event.acknowledged = now;
    each.event.acknowledged_at = std::chrono::steady_clock::now();
    if (std::string wrong = channel.add(offset, each.event); !wrong.empty()) return wrong;
    // A refusal that was lost with a connection was not heard.
    const bool was_refused = batch.refused || (broker_ == Broker::kRefuses && batch.sent_again);
    if (known || was_refused) continue;
    if (!in_order(epoch + each.channel, each.number, offset)) {
      return fmt::format("{}: {} is not in the order of its publisher's events", each.channel, offset);
    }
  }
  return {};
}

bool Publisher::in_order(const std::string& channel, std::uint64_t number, std::uint64_t offset) {
  std::map<std::uint64_t, std::uint64_t>& offsets = offsets_[channel];
  const auto next = offsets.upper_bound(number);
  const bool behind_the_last = next == offsets.begin() || std::prev(next)->second < offset;
  const bool before_the_next = next == offsets.end() || offset < next->second;
  offsets.emplace(number, offset);
  return behind_the_last && before_the_next;
}

}  // namespace wskit::server::model
