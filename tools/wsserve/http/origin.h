// Which pages a browser may let use the server (docs/security.md, "Browsers").
//
// A browser says in `Origin` whose page a request comes from, and no page can say
// otherwise. A program that is no browser sends none.
//
// Threads: immutable once made; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

// `scheme://host:port`; the default port of http and https is filled in.
struct Origin {
  std::string scheme;      // in lower case, as the host
  std::string host;        // an IPv6 address in its brackets
  std::uint16_t port = 0;  // 0: the scheme has none

  [[nodiscard]] static std::optional<Origin> parse(std::string_view text);

  bool operator==(const Origin&) const = default;
};

// The pages that are allowed whatever the server is called: `https://app.example.com`,
// `https://*.example.com` (not example.com itself), `http://localhost:*`, `null`, `*`.
class OriginList {
 public:
  // Why the text is no pattern; empty: it is one, and is added.
  std::string add(std::string_view text);

  [[nodiscard]] bool allows(std::string_view origin) const;
  // Whether pages of that host are allowed by its name.
  [[nodiscard]] bool names_host(std::string_view host) const;

 private:
  struct Pattern {
    Origin origin;  // of a pattern with `*.` the host begins with the dot
    bool any_port = false;
    bool subdomains = false;
    [[nodiscard]] bool matches_host(std::string_view host) const;
  };
  std::vector<Pattern> patterns_;
  bool any_ = false;
  bool null_ = false;
};

// How the request came.
struct Path {
  bool loopback = false;  // from this machine, and not from a trusted proxy
  bool tls = false;
};

// Why the request is refused: its page is none of those allowed, which are the
// listed ones, those of the server's own host, and on loopback those of this
// machine: there only where the Host is this machine's as well, and no proxy says
// that it forwards for another one. On loopback the Host must be a name of this
// machine in any case, or a page could take the name of its own site there (DNS
// rebinding). REQUIRES: no host_problem().
[[nodiscard]] std::optional<HttpError> check_origin(const Request& request, const OriginList& list,
                                                    Path path);

}  // namespace wskit::server::http
