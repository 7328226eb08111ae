// The plain HTTP answers of the server (docs/protocol.md, "HTTP").
//
// Threads: any thread.
#pragma once

#include "wsserve/auth/identity.h"
#include "wsserve/http/response.h"
#include "wsserve/http/router.h"

namespace wskit::server {
struct HistoryPage;
class ServerView;
}  // namespace wskit::server

namespace wskit::server::http {

// REQUIRES: the address is one of a page.
[[nodiscard]] Response answer(Address page, const Request& request, const ServerView& server,
                              const auth::Identity& asking);

// A JSON array of events, or one a line. Where more follows, a Link header leads
// to it.
[[nodiscard]] Response history_response(const HistoryRequest& request, const HistoryPage& page);
[[nodiscard]] Response no_such_channel(std::string_view name);

}  // namespace wskit::server::http
