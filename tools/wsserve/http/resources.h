// Every address of the server once, with what is served there. The router, the refusals with
// 404 and 405, OPTIONS, the front page and the table in docs/protocol.md, "Endpoints", are
// made of this table or checked against it.
//
// Addresses of the configuration (endpoint.h) are not among them; they may not begin as
// these do.
//
// Threads: constants and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wskit::server::http {

enum class Address : std::uint8_t {
  kFront,
  kSocket,
  kSocketOf,
  kEcho,
  kEvents,
  kEventsOf,
  kHistory,
  kPublish,
  kChannels,
  kConnections,
  kConnection,
  kStats,
  kMetrics,
  kHealth,
  kReady,
};

// The clients that an address is for, where the server asks for tokens.
enum class Access : std::uint8_t {
  kAll,      // without a token too
  kClients,  // who shows a token, or anybody where none is asked for
  kAdministrators,
};

struct Resource {
  Address address;
  std::string_view path;     // one that ends with <…> stands for all that begin as it does
  std::string_view methods;  // as `Allow` lists them, but for OPTIONS; the recommended one first
  Access access;
  std::string_view help;

  // The path in front of what varies.
  [[nodiscard]] std::string_view prefix() const { return path.substr(0, path.find('<')); }
  [[nodiscard]] bool varies() const { return prefix().size() < path.size(); }
  [[nodiscard]] bool takes(std::string_view method) const;
};

// In the order in which the front page shows them.
[[nodiscard]] std::span<const Resource> resources();
[[nodiscard]] const Resource& resource(Address address);

// The resource at a path, and the rest of the path behind the prefix; null: there is none. A path that is an
// address itself is that one; else the longest prefix counts.
struct Found {
  const Resource* resource = nullptr;
  std::string_view rest;
};
[[nodiscard]] Found find_resource(std::string_view path);

// Whether an address of the server begins with that segment, without its `/`: what lies below
// is the server's too.
[[nodiscard]] bool is_own_segment(std::string_view segment);

// "/ws, /ws/<channel or pattern>, …", for a refusal.
[[nodiscard]] std::string list_of_addresses();

}  // namespace wskit::server::http
