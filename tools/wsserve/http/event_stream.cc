#include "wsserve/http/event_stream.h"

#include <fmt/format.h>

#include "common/protocol/one_line.h"

namespace wskit::server::http {

void append_block(std::string& out, const EventBlock& block) {
  if (!block.id.empty()) fmt::format_to(std::back_inserter(out), "id: {}\n", block.id);
  if (!block.name.empty()) fmt::format_to(std::back_inserter(out), "event: {}\n", block.name);
  out += "data: ";
  protocol::append_one_line(out, block.data);
  out += "\n\n";
}

void append_id(std::string& out, std::string_view id) {
  fmt::format_to(std::back_inserter(out), "id: {}\n\n", id);
}

void append_retry(std::string& out, std::chrono::milliseconds wait) {
  fmt::format_to(std::back_inserter(out), "retry: {}\n\n", wait.count());
}

void append_comment(std::string& out) { out += ":\n\n"; }

}  // namespace wskit::server::http
