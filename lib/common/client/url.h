// Where a server is: `ws://host:port/path`, `wss://…`, or a Unix socket as
// `ws+unix:/run/wskit.sock` with the request's path after a second colon
// (`ws+unix:/run/wskit.sock:/ws/market/AAPL`).
//
// Threads: plain values.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace wskit::client {

enum class Transport : std::uint8_t { kTcp, kTls, kUnix };

struct Url {
  Transport transport = Transport::kTcp;
  std::string host;         // a name or an address, IPv6 without brackets; of a Unix socket "localhost"
  std::uint16_t port = 0;   // 0 for a Unix socket
  std::string socket_path;  // of a Unix socket
  std::string target;       // path and query of the request; "/ws" where the URL names none

  // What the Host header says: the port only where it is not the scheme's own.
  [[nodiscard]] std::string host_header() const;

  // As it is shown to people: without the values of the query, which may hold a token.
  [[nodiscard]] std::string display() const;

  // The same place by other means. REQUIRES: neither is a Unix socket.
  [[nodiscard]] Url over(Transport other) const;

  bool operator==(const Url&) const = default;
};

// A URL, right or wrong, as it may be shown: without a user and password, and of its
// query the names of the parameters, not their values, of which one may be a token.
[[nodiscard]] std::string without_secrets(std::string_view url);

struct UrlError {
  std::string message;  // names the URL's fault and the remedy
};
[[noreturn]] void throw_exception_from_error(const UrlError& error, const boost::source_location&);

// `http://` and `https://` are taken for `ws://` and `wss://`, since servers
// print both; `host:port` without a scheme for `ws://`.
[[nodiscard]] boost::system::result<Url, UrlError> parse_url(std::string_view text);

}  // namespace wskit::client
