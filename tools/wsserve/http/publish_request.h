// POST /publish/<channel>: the events that a request's body stands for.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command_fields.h"
#include "common/protocol/error.h"
#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

// For protocol::CommandParser::publish(). Its slices point into `written` and into the
// request, which must outlive it.
struct PublishRequest {
  std::vector<protocol::CommandFields> events;
  std::string producer;  // JSON text; empty: none
  // The lines of the body that the events stand in, if each is a line of it: then the command is a
  // batch, and its answer an array.
  std::vector<std::size_t> lines;
  std::deque<std::string> written;  // texts that do not stand in the body as JSON

  [[nodiscard]] bool is_batch() const { return !lines.empty(); }
};

// The parameters that POST /publish takes in its query, besides `token`.
inline constexpr std::array<std::string_view, 7> kPublishParameters{
    "as", "dedup", "key", "producer", "sequence", "timestamp", "type"};

// The body is the event's `data`: JSON; with a text/plain type also a text that is no
// JSON, which becomes a JSON string. `?as=text` makes any body a string, `?as=json`
// takes nothing but JSON. `type`, `timestamp`, `key`, and `dedup` or `producer`
// with `sequence` may stand in the query. With application/x-ndjson each line is an
// event: an object that has `data` brings its members itself, any other value is the
// data; `producer` is in the query then, and `sequence` in the lines.
//
// The channel is valid. Errors: kBadJson, kBadEvent, kBadCommand; they name the
// line, the parameter or the byte.
[[nodiscard]] protocol::Result<PublishRequest> parse_publish_request(const Request& request,
                                                                     std::string_view channel);

// Turns an error about an event of the batch into one about its line.
[[nodiscard]] protocol::Error at_line(protocol::Error error, std::span<const std::size_t> lines);

}  // namespace wskit::server::http
