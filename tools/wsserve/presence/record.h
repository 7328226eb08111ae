// What is noted of a connection for those who administer the server.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/control.h"
#include "common/protocol/timestamp.h"

namespace wskit::server::people {

// Kept by each connection.
struct Record {
  protocol::SystemMicros connected_at{};
  std::uint64_t messages_in = 0;
  std::uint64_t replies = 0;  // messages out that are no events
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

// As it stands now.
struct Description {
  std::string connection;
  std::string_view user;  // empty: anonymous
  std::string address;
  std::string_view kind;  // "websocket", "events" or "echo"
  protocol::SystemMicros last_seen{};
  const Record& record;
  protocol::DeliveryCounters counters;
  std::vector<std::string_view> subscriptions;
};
[[nodiscard]] std::string to_json(const Description& description);

// `{"connection":…,"user":…}`
[[nodiscard]] std::string presence_json(std::string_view connection, std::string_view user);

}  // namespace wskit::server::people
