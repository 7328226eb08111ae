#include "wsbench/adapter.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <utility>

#include "common/protocol/command_text.h"
#include "wsbench/event_text.h"
#include "wsbench/limit_wire.h"

namespace wskit::bench {
namespace {

// Appends the header of a frame and returns where it begins.
std::size_t append_header(websocket::Opcode opcode, std::size_t payload_bytes, const websocket::Mask* mask,
                          std::string& out) {
  const websocket::FrameHeader header{.opcode = opcode, .payload_bytes = payload_bytes, .mask = mask};
  const std::size_t at = out.size();
  out.resize(at + websocket::header_size(header));
  websocket::write_header(header, out.data() + at);
  return at;
}

// Where an event of a publisher goes and how it is filled up.
struct Placement {
  std::uint32_t channel;
  std::uint64_t offset;  // what a fresh server gives it, if publishers keep step
  std::size_t pad_bytes;
};

Placement place(const EventShape& shape, const Stamp& stamp) {
  const Topology& topology = shape.topology;
  const std::uint32_t channel = topology.channel_of_event(stamp.publisher, stamp.sequence);
  const std::uint64_t nth = stamp.sequence / topology.channels_of(stamp.publisher);
  const std::uint64_t offset = nth * topology.sources_of(channel) + 1;
  const std::size_t needed = envelope_bytes(channel, offset) + unpadded_data_bytes();
  return {channel, offset, shape.delivered_bytes > needed ? shape.delivered_bytes - needed : 0};
}

class NativeEncoder final : public EventEncoder {
 public:
  explicit NativeEncoder(EventShape shape) : shape_(shape) {}

  void append(const Stamp& stamp, std::string& out) override {
    const Placement placement = place(shape_, stamp);
    command_.clear();
    auto end = std::back_inserter(command_);
    fmt::format_to(end, FMT_COMPILE(R"({{"action":"publish",)"));
    if (shape_.acknowledged) fmt::format_to(end, FMT_COMPILE(R"("id":{},)"), stamp.sequence);
    fmt::format_to(end, FMT_COMPILE(R"("channel":"bench/{}","type":"{}","data":)"), placement.channel,
                   kEventType);
    append_event_data(stamp, placement.pad_bytes, command_);
    command_.push_back('}');
    const websocket::Mask mask = masks_.next();
    append_header(websocket::Opcode::kText, command_.size(), &mask, out);
    const std::size_t body = out.size();
    out.append(command_);
    websocket::apply_mask({out.data() + body, command_.size()}, mask);
  }

 private:
  EventShape shape_;
  websocket::MaskSource masks_;
  std::string command_;
};

class NativeAdapter final : public Adapter {
 public:
  explicit NativeAdapter(std::string target) : target_(std::move(target)) {}

  std::string subscriber_target(std::optional<std::uint32_t> /*channel*/) const override { return target_; }
  std::string publisher_target() const override { return target_; }
  std::string subscribe_command(std::uint32_t channel) const override {
    const std::string name = channel_name(channel);
    protocol::Command command;
    command.action = protocol::Action::kSubscribe;
    command.id = "1";
    command.channels = {name};
    std::string text;
    protocol::append_command(text, command);
    return text;
  }
  std::unique_ptr<EventEncoder> encoder(const EventShape& shape) const override {
    return std::make_unique<NativeEncoder>(shape);
  }

 private:
  std::string target_;
};

// Frames the bytes that the limit writer is to send on, ready made, behind a mask of
// zeros: it has nothing to unmask, parse or build.
class LimitEncoder final : public EventEncoder {
 public:
  explicit LimitEncoder(EventShape shape) : shape_(shape) {}

  void append(const Stamp& stamp, std::string& out) override {
    const Placement placement = place(shape_, stamp);
    event_.clear();
    append_delivered_event(placement.channel, placement.offset, stamp, placement.pad_bytes, event_);
    LimitOrder order{.channel = placement.channel, .ack_bytes = 0};
    frames_.clear();
    if (shape_.acknowledged) {
      append_ack(stamp.sequence, placement);
      order.ack_bytes = static_cast<std::uint32_t>(frames_.size());
    }
    append_header(websocket::Opcode::kText, event_.size(), nullptr, frames_);
    frames_.append(event_);
    static constexpr websocket::Mask kZeros{};
    append_header(websocket::Opcode::kBinary, sizeof order + frames_.size(), &kZeros, out);
    append_order(order, out);
    out.append(frames_);
  }

 private:
  void append_ack(std::uint64_t id, const Placement& placement) {
    std::string ack = fmt::format(
        R"({{"type":"published","id":{},"timestamp":"{}","data":{{"channel":"{}","offset":{},"epoch":"limit"}}}})",
        id, kTimestampExample, channel_name(placement.channel), placement.offset);
    append_header(websocket::Opcode::kText, ack.size(), nullptr, frames_);
    frames_.append(ack);
  }

  EventShape shape_;
  std::string event_;
  std::string frames_;
};

class LimitAdapter final : public Adapter {
 public:
  std::string subscriber_target(std::optional<std::uint32_t> channel) const override {
    return channel ? fmt::format("{}{}", kLimitSubscribePath, *channel) : std::string(kLimitPlainPath);
  }
  std::string publisher_target() const override { return std::string(kLimitPlainPath); }
  std::string subscribe_command(std::uint32_t /*channel*/) const override { return {}; }
  std::unique_ptr<EventEncoder> encoder(const EventShape& shape) const override {
    return std::make_unique<LimitEncoder>(shape);
  }
};

std::uint64_t id_of(std::string_view message) {
  constexpr std::string_view kId = R"("id":)";
  std::uint64_t id = 0;
  const std::size_t at = message.find(kId);
  if (at != std::string_view::npos) {
    std::from_chars(message.data() + at + kId.size(), message.data() + message.size(), id);
  }
  return id;
}

}  // namespace

std::unique_ptr<Adapter> make_native_adapter(std::string target) {
  return std::make_unique<NativeAdapter>(std::move(target));
}

std::unique_ptr<Adapter> make_limit_adapter() { return std::make_unique<LimitAdapter>(); }

ServerMessage classify(std::string_view message) {
  using Kind = ServerMessage::Kind;
  if (message.starts_with(R"({"type":"published")")) return {.kind = Kind::kPublished, .id = id_of(message)};
  if (message.starts_with(R"({"type":"subscribed")")) {
    // One without an id was not asked for: a token's user has a channel of its own.
    const std::uint64_t id = id_of(message);
    return {.kind = id == 0 ? Kind::kOther : Kind::kSubscribed, .id = id};
  }
  // Before the events: an event may be of the type `error`, but has an offset.
  const std::string_view head = message.substr(0, message.find(R"("data":)"));
  if (head.find(R"("channel":)") != std::string_view::npos &&
      head.find(R"("offset":)") != std::string_view::npos) {
    return {.kind = Kind::kEvent};
  }
  if (message.starts_with(R"({"type":"error")")) {
    const bool wants_token = message.find(R"("data":{"code":"UNAUTHORIZED")") != std::string_view::npos;
    return {.kind = Kind::kError, .id = id_of(message), .wants_token = wants_token};
  }
  return {.kind = Kind::kOther};
}

std::size_t smallest_event(const Topology& topology) {
  constexpr std::uint64_t kEightDigits = 10'000'000;
  return envelope_bytes(topology.channels - 1, kEightDigits) + unpadded_data_bytes();
}

}  // namespace wskit::bench
