#include "wsserve/http/resources.h"

#include <algorithm>
#include <array>

namespace wskit::server::http {
namespace {

// In the order of enum Address, which is that of the front page.
constexpr std::array<Resource, 15> kResources{{
    {Address::kFront, "/", "GET, HEAD", Access::kAll, "this page"},
    {Address::kSocket, "/ws", "GET", Access::kClients,
     "WebSocket of commands, subscribed to the server's default channels"},
    {Address::kSocketOf, "/ws/<channel or pattern>", "GET", Access::kClients,
     "the same, subscribed to this: /ws/market/AAPL, /ws/market/*"},
    {Address::kEcho, "/echo", "GET", Access::kClients, "sends messages back, if the server runs with --echo"},
    {Address::kEvents, "/events", "GET, HEAD", Access::kClients,
     "server-sent events of the channels in ?channel= or of the default ones"},
    {Address::kEventsOf, "/events/<channel or pattern>", "GET, HEAD", Access::kClients,
     "server-sent events, for EventSource and curl -N"},
    {Address::kHistory, "/history/<channel>", "GET, HEAD", Access::kClients, "what was published, as JSON"},
    {Address::kPublish, "/publish/<channel>", "POST", Access::kClients, "POST publishes the body"},
    {Address::kChannels, "/channels", "GET, HEAD", Access::kAdministrators, "which channels there are"},
    {Address::kConnections, "/connections", "GET, HEAD, DELETE", Access::kAdministrators,
     "who is connected; DELETE ends the connections of ?user="},
    {Address::kConnection, "/connections/<id>", "GET, HEAD, DELETE", Access::kAdministrators,
     "one connection; DELETE ends it"},
    {Address::kStats, "/ws/stats", "GET, HEAD", Access::kClients, "counters, as JSON"},
    {Address::kMetrics, "/metrics", "GET, HEAD", Access::kClients, "counters, for Prometheus"},
    {Address::kHealth, "/healthz", "GET, HEAD", Access::kAll, "whether the server lives"},
    {Address::kReady, "/readyz", "GET, HEAD", Access::kAll, "whether it may be sent clients"},
}};

}  // namespace

bool Resource::takes(std::string_view method) const {
  std::string_view rest = methods;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    if (one == method) return true;
    rest.remove_prefix(std::min(one.size() + 2, rest.size()));
  }
  return false;
}

std::span<const Resource> resources() { return kResources; }

const Resource& resource(Address address) { return kResources[static_cast<std::size_t>(address)]; }

Found find_resource(std::string_view path) {
  Found found;
  for (const Resource& each : kResources) {
    const std::string_view prefix = each.prefix();
    if (!each.varies()) {
      if (path == prefix) return {.resource = &each, .rest = {}};
    } else if (path.starts_with(prefix) &&
               (found.resource == nullptr || prefix.size() > found.resource->prefix().size())) {
      found = {.resource = &each, .rest = path.substr(prefix.size())};
    }
  }
  return found;
}

bool is_own_segment(std::string_view segment) {
  return std::ranges::any_of(kResources, [segment](const Resource& each) {
    const std::string_view own = each.path.substr(1);
    return !own.empty() && own.substr(0, own.find('/')) == segment;
  });
}

std::string list_of_addresses() {
  std::string list;
  for (const Resource& each : kResources) {
    if (each.address == Address::kFront || each.address == Address::kEcho) continue;
    if (!list.empty()) list += ", ";
    list += each.path;
  }
  return list;
}

}  // namespace wskit::server::http
