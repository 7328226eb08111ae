// How the server under test is spoken to: where to connect, how to subscribe and to
// publish, and what an acknowledgement looks like. Deliveries need no adapter: they
// are known by their stamp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/websocket/frame.h"
#include "wsbench/stamp.h"
#include "wsbench/topology.h"

namespace wskit::bench {

// Makes the frames of one publisher. Threads: one at a time.
class EventEncoder {
 public:
  virtual ~EventEncoder() = default;

  // Appends the frame that publishes the event with this stamp, whose delivery will
  // have the size that was asked for.
  virtual void append(const Stamp& stamp, std::string& out) = 0;
};

struct EventShape {
  Topology topology;
  std::size_t delivered_bytes = 200;  // of the message as a subscriber gets it
  bool acknowledged = false;
};

// Threads: immutable.
class Adapter {
 public:
  virtual ~Adapter() = default;

  // The request targets; a subscriber without a channel only connects.
  [[nodiscard]] virtual std::string subscriber_target(std::optional<std::uint32_t> channel) const = 0;
  [[nodiscard]] virtual std::string publisher_target() const = 0;

  // What a connection sends to subscribe; nothing where the target says it.
  [[nodiscard]] virtual std::string subscribe_command(std::uint32_t channel) const = 0;

  [[nodiscard]] virtual std::unique_ptr<EventEncoder> encoder(const EventShape& shape) const = 0;
};

// A wskit server (docs/protocol.md). `target`: of its command endpoint.
[[nodiscard]] std::unique_ptr<Adapter> make_native_adapter(std::string target);

// The built-in raw writer (limit_server.h).
[[nodiscard]] std::unique_ptr<Adapter> make_limit_adapter();

// What a server's message that is no delivery means.
struct ServerMessage {
  enum class Kind : std::uint8_t { kSubscribed, kPublished, kError, kEvent, kOther };
  Kind kind = Kind::kOther;
  std::uint64_t id = 0;      // of the command that it answers, where it has one
  bool wants_token = false;  // of kError: who we are is not known, or not believed
};
[[nodiscard]] ServerMessage classify(std::string_view message);

// The smallest event that can carry a stamp in this topology.
[[nodiscard]] std::size_t smallest_event(const Topology& topology);

}  // namespace wskit::bench
