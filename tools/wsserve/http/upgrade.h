// Whether a request opens a WebSocket, and how it is answered (RFC 6455 section
// 4.2, RFC 7692 section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/websocket/handshake.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server {
class Dialect;
}

namespace wskit::server::http {

// A request that asks for the upgrade to a WebSocket at all.
[[nodiscard]] bool wants_upgrade(const Request& request);

struct Upgrade {
  std::string response;  // 101, whole
  std::optional<websocket::DeflateParameters> deflate;
  const Dialect* dialect = nullptr;  // null: JSON
};

// Whether the address speaks the protocol, and so its dialects; /echo speaks none.
enum class Speaks : std::uint8_t { kProtocol, kNothing };

// REQUIRES: a request with method GET that wants the upgrade. One of the two is
// set.
struct UpgradeResult {
  std::optional<Upgrade> upgrade;
  HttpError error;
};
[[nodiscard]] UpgradeResult accept_upgrade(const Request& request, const websocket::DeflatePolicy& deflate,
                                           Speaks speaks = Speaks::kProtocol);

// The answer to a plain request to a WebSocket address.
[[nodiscard]] HttpError upgrade_required();

}  // namespace wskit::server::http
