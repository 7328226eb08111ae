// Sec-WebSocket-Extensions as values: the grammar of RFC 6455 section 9.1.
// Private to the handshake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::websocket {

struct ExtensionParameter {
  std::string_view name;
  std::optional<std::string> value;  // unquoted; none where there was no "="
};

struct Extension {
  std::string_view name;
  std::vector<ExtensionParameter> parameters;
};

// The elements of the list, which refer to `header`; nothing where it does not
// follow the grammar. Empty elements are passed over, as in any list of HTTP.
[[nodiscard]] std::optional<std::vector<Extension>> parse_extensions(std::string_view header);

}  // namespace wskit::websocket
