#include "wsserve/http/event_stream.h"

#include <fmt/format.h>

namespace wskit::server::http {
namespace {

void append_data(std::string& out, std::string_view data) {
  while (true) {
    const std::size_t end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) return;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

}  // namespace

void append_block(std::string& out, const EventBlock& block) {
  if (!block.id.empty()) fmt::format_to(std::back_inserter(out), "id: {}\n", block.id);
  if (!block.name.empty()) fmt::format_to(std::back_inserter(out), "event: {}\n", block.name);
  append_data(out, block.data);
  out += '\n';
}

void append_id(std::string& out, std::string_view id) {
  fmt::format_to(std::back_inserter(out), "id: {}\n\n", id);
}

void append_retry(std::string& out, std::chrono::milliseconds wait) {
  fmt::format_to(std::back_inserter(out), "retry: {}\n\n", wait.count());
}

void append_comment(std::string& out) { out += ":\n\n"; }

}  // namespace wskit::server::http
