// The text of Server-Sent Events (WHATWG HTML, section 9.2).
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace wskit::server::http {

struct EventBlock {
  std::string_view name;  // of the event; empty: `message`
  std::string_view id;    // empty: the last one stays
  std::string_view data;  // JSON
};
// The data is one line: a line break between its tokens becomes a blank, so that no
// reader of lines takes a part of an event for another one.
void append_block(std::string& out, const EventBlock& block);

// The reader has everything up to here, without an event that says so.
void append_id(std::string& out, std::string_view id);

// How long the reader waits before it comes back.
void append_retry(std::string& out, std::chrono::milliseconds wait);

// Something that no reader sees, so that nobody between takes the stream for dead.
void append_comment(std::string& out);

}  // namespace wskit::server::http
