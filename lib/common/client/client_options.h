// What a client connection is told at its start. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/client/backoff.h"
#include "common/client/url.h"

namespace wskit::client {

struct ReconnectPolicy {
  bool enabled = true;
  bool initial = false;  // try again also where the first connection could not be made
  BackoffRange backoff;
  std::optional<std::uint64_t> retries;              // attempts in a row; absent: without end
  std::optional<std::chrono::nanoseconds> max_time;  // since the connection was lost; absent: without end

  // A connection that lived this long was healthy: the next loss starts over
  // with the first wait and with all retries.
  std::chrono::nanoseconds healthy_after = std::chrono::seconds{5};
};

// Of `wss://`. All files are PEM.
struct TlsOptions {
  std::string ca_file{};    // empty: the system's
  std::string cert_file{};  // shown to the server, with those that vouch for it; empty: none
  std::string key_file{};   // of cert_file; empty: it is in there too
  bool insecure = false;    // take any certificate
};

// In which form messages travel. Whoever uses the client sends and gets their JSON text in
// any case.
enum class Wire : std::uint8_t {
  kJson,
  kCbor,  // subprotocol wskit.v1.cbor
};

struct ClientOptions {
  Url url;
  Wire wire = Wire::kJson;
  std::vector<std::pair<std::string, std::string>> headers;  // of the upgrade request
  // Sent as `Authorization: Bearer`; empty: none.
  std::string token;
  // Where `token` comes from, if a newer one may be found there later: read before
  // each attempt, and shown with `auth` while a connection is open.
  std::string token_file;
  bool offer_deflate = false;
  ReconnectPolicy reconnect;
  TlsOptions tls;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{10};  // from the name to the upgrade
  std::chrono::nanoseconds close_timeout = std::chrono::seconds{2};     // for the peer's close frame
  std::size_t max_message_bytes = std::size_t{64} << 20;
  std::size_t read_buffer_bytes = std::size_t{256} << 10;
  std::size_t low_water_bytes = std::size_t{64} << 10;  // see ClientHandler::on_writable

  // Silence is measured in these where the server's `connected` names no
  // heartbeat: after one the client pings, after two the connection is dead.
  std::chrono::nanoseconds default_heartbeat = std::chrono::seconds{30};
  std::uint64_t seed = 0;  // of the jitter; 0: drawn from the kernel
};

}  // namespace wskit::client
