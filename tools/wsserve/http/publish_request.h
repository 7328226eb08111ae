// POST /publish/<channel>: a request's body as the publish command that it
// stands for.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/error.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

struct PublishRequest {
  std::string command;  // for protocol::CommandParser
  bool lines = false;   // as many events as there were lines: they are answered as an array
};

// The body is the event's `data`: JSON, or with a text/plain type a text that
// becomes a JSON string. `type`, `timestamp`, `key` and `dedup` may stand in the
// query. With application/x-ndjson each line is an event: an object that has
// `data` brings its members itself, any other value is the data.
//
// The channel is valid. Errors: kBadJson, kBadEvent, kBadCommand; they name the
// line, the parameter or the byte.
[[nodiscard]] protocol::Result<PublishRequest> parse_publish_request(const Request& request,
                                                                     std::string_view channel);

}  // namespace wskit::server::http
