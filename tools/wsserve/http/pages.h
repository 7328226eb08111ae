// The plain HTTP answers of the server (docs/protocol.md, "HTTP").
//
// Threads: any thread.
#pragma once

#include "wsserve/http/response.h"
#include "wsserve/http/router.h"

namespace wskit::server {
class Hub;
class ServerView;
}  // namespace wskit::server

namespace wskit::server::http {

[[nodiscard]] Response answer(Page page, const ServerView& server);

// A JSON array of events, or one a line. Where more follows, a Link header leads
// to it. About `max_bytes` at most.
[[nodiscard]] Response answer(const HistoryRequest& request, const Hub& hub, std::size_t max_bytes);

}  // namespace wskit::server::http
