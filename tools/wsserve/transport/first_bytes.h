// What a connection speaks, by the bytes that it begins with: told before any
// parser sees them, so that who uses the wrong scheme is told so.
#pragma once

#include <string_view>

namespace wskit::server {

// A TLS record of the handshake, with which every client hello since SSL 3 begins.
[[nodiscard]] bool begins_tls(std::string_view bytes);

// A method in capital letters, as every request begins.
[[nodiscard]] bool begins_http(std::string_view bytes);

}  // namespace wskit::server
