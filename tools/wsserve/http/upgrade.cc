#include "wsserve/http/upgrade.h"

#include "wsserve/dialect/dialect.h"
#include "wsserve/http/field_value.h"
#include "wsserve/http/response.h"

namespace wskit::server::http {
namespace {

constexpr std::string_view kSubprotocol = "wskit.v1.json";

UpgradeResult refuse(HttpError error) { return {std::nullopt, std::move(error)}; }

}  // namespace

bool wants_upgrade(const Request& request) { return request.lists("upgrade", "websocket"); }

HttpError upgrade_required() {
  return {.status = 426,
          .code = "UPGRADE_REQUIRED",
          .message = "this address speaks WebSocket: open it with new WebSocket(url) or wstap",
          .headers = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}};
}

UpgradeResult accept_upgrade(const Request& request, const websocket::DeflatePolicy& deflate_policy,
                             Speaks speaks) {
  if (!request.http_1_1) return refuse(bad_request("a WebSocket handshake needs HTTP/1.1"));
  if (!request.lists("connection", "upgrade")) {
    return refuse(bad_request("a WebSocket handshake needs the header Connection: Upgrade"));
  }
  if (request.count("sec-websocket-version") != 1 || request.header("sec-websocket-version") != "13") {
    HttpError error = upgrade_required();
    error.message = "the only WebSocket version here is 13; send Sec-WebSocket-Version: 13, once";
    return refuse(std::move(error));
  }
  if (request.count("sec-websocket-key") != 1) {
    return refuse(bad_request("a WebSocket handshake needs one Sec-WebSocket-Key header"));
  }
  const std::string key = request.header("sec-websocket-key");
  if (!websocket::is_valid_key(key)) {
    return refuse(bad_request("Sec-WebSocket-Key is not the base64 of 16 bytes"));
  }
  std::vector<std::pair<std::string, std::string>> headers{
      {"Sec-WebSocket-Accept", websocket::accept_token(key)}};
  Upgrade upgrade;
  const std::string offered = request.header("sec-websocket-protocol");
  for (const std::string_view subprotocol : list_items(offered)) {
    const bool is_cbor = speaks == Speaks::kProtocol && subprotocol == cbor_dialect().subprotocol();
    if (!is_cbor && subprotocol != kSubprotocol) continue;
    headers.emplace_back("Sec-WebSocket-Protocol", subprotocol);
    if (is_cbor) upgrade.dialect = &cbor_dialect();
    break;
  }
  // CBOR is small as it is, and its frames are shared by all.
  if (upgrade.dialect != nullptr) {
    upgrade.response = serialize_upgrade(headers);
    return {std::move(upgrade), {}};
  }
  if (auto agreed = websocket::agree_deflate(request.header("sec-websocket-extensions"), deflate_policy)) {
    headers.emplace_back("Sec-WebSocket-Extensions", std::move(agreed->response));
    upgrade.deflate = agreed->parameters;
  }
  upgrade.response = serialize_upgrade(headers);
  return {std::move(upgrade), {}};
}

}  // namespace wskit::server::http
