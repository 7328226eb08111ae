// The authority of a request: the name under which its client reached the server.
//
// Threads: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

// `name`, `name:80`, `[::1]:80`.
struct HostAndPort {
  std::string host;                   // in lower case; an IPv6 address in its brackets
  std::optional<std::uint16_t> port;  // nothing: none was named, also behind a colon

  // As RFC 3986 has it, but without user information; nothing: it is none.
  [[nodiscard]] static std::optional<HostAndPort> parse(std::string_view text);

  bool operator==(const HostAndPort&) const = default;
};

// An address, also in brackets.
[[nodiscard]] bool is_ip(std::string_view host);

// `localhost`, a name below it, or an address of the loopback network: what only this
// machine calls itself. `host` in lower case.
[[nodiscard]] bool is_this_machine(std::string_view host);

// Why the request's Host is not taken (400): there is not exactly one, or it is none.
// An empty one is taken, and HTTP/1.0 needs none.
[[nodiscard]] std::optional<HttpError> host_problem(const Request& request);

}  // namespace wskit::server::http
