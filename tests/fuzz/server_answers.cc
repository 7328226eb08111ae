#include "server_answers.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "claim.h"
#include "common/websocket/handshake.h"
#include "common/websocket/message_reader.h"
#include "common/websocket/utf8.h"

namespace wskit::fuzz {
namespace {

using websocket::MessageReader;

bool is_utf8(std::string_view text) {
  websocket::Utf8Validator validator;
  return validator.feed({text.data(), text.size()}) && validator.complete();
}

void check_json(std::string_view text) {
  claim(nlohmann::json::accept(text.begin(), text.end()), "what is told to be JSON is JSON");
}

// What one header says; nothing if there is none. In `head` each line ends with CRLF.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
  std::optional<std::string_view> value;
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(": ")) continue;
    claim(!value, "no header that counts is there twice");
    value = line.substr(name.size() + 2);
  }
  return value;
}

void check_head(std::string_view head) {
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const std::size_t colon = line.find(": ");
    claim(colon != std::string_view::npos && colon > 0, "a header has a name and a value");
    claim(std::ranges::none_of(line, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }),
          "nothing that somebody sent breaks a header");
  }
}

void check_body(std::string_view type, std::string_view body) {
  claim(is_utf8(body), "a body is UTF-8");
  if (type == "application/json") check_json(body);
  if (type != "application/x-ndjson") return;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    claim(end != std::string_view::npos, "each record is a line");
    check_json(body.substr(0, end));
    body.remove_prefix(end + 1);
  }
}

void check_stream(std::string_view text) {
  claim(is_utf8(text), "a stream is UTF-8");
  claim(text.empty() || text.ends_with("\n\n"), "a stream consists of whole events");
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const bool known = line.empty() || line.starts_with(':') || line.starts_with("event: ") ||
                       line.starts_with("id: ") || line.starts_with("retry: ") || line.starts_with("data: ");
    claim(known, "a line of a stream is a field of it");
    if (line.starts_with("data: ")) check_json(line.substr(6));
  }
}

void check_frames(std::string_view head, std::string_view bytes, bool echoes, Answers& answers) {
  static const websocket::ReaderLimits kLimits{.max_message_bytes = std::size_t{64} << 20,
                                               .max_fragments = 1'000'000};
  MessageReader reader(websocket::Role::kClient, kLimits);
  if (const auto extensions = header(head, "Sec-WebSocket-Extensions")) {
    const auto agreed = websocket::accept_deflate(*extensions, {});
    claim(agreed.has_value(), "the extension is one that a client can agree to");
    reader.own_inflater(std::make_unique<websocket::Inflater>(agreed->server_max_window_bits,
                                                              !agreed->server_no_context_takeover));
  }
  std::string buffer(bytes);
  buffer.resize(bytes.size() + MessageReader::kPadding);
  reader.feed({buffer.data(), bytes.size()});
  while (true) {
    const MessageReader::Item item = reader.next();
    const std::string_view payload(item.payload.data(), item.payload.size());
    switch (item.kind) {
      case MessageReader::Kind::kNeedMore:
        claim(!reader.mid_message(), "what is sent is sent whole");
        return;
      case MessageReader::Kind::kMessage: {
        ++answers.messages;
        if (echoes) break;
        claim(item.opcode == websocket::Opcode::kText, "a server of commands speaks in texts");
        claim(payload.starts_with(R"({"type":")"), "a message is an object with a type");
        check_json(payload);
        break;
      }
      case MessageReader::Kind::kPing:
      case MessageReader::Kind::kPong:
        break;
      case MessageReader::Kind::kClose:
        answers.close_code = item.code;
        claim(reader.take_back().empty(), "nothing follows a close frame");
        return;
      case MessageReader::Kind::kViolation:
        claim(false, std::string(item.reason).c_str());
    }
  }
}

// Takes one answer off the bytes. False: what followed it was no HTTP.
bool check_answer(std::string_view& bytes, bool echoes, Answers& answers) {
  claim(bytes.starts_with("HTTP/1.1 "), "an answer begins with HTTP/1.1");
  const std::size_t end = bytes.find("\r\n\r\n");
  claim(end != std::string_view::npos, "an answer has a whole head");
  const std::string_view head = bytes.substr(0, end + 2);
  bytes.remove_prefix(end + 4);
  check_head(head);
  int status = 0;
  std::from_chars(head.data() + 9, head.data() + 12, status);
  claim(status >= 100 && status < 600 && head[12] == ' ', "a status has three digits");
  if (status == 100) return true;
  answers.statuses.push_back(status);
  if (status == 101) {
    check_frames(head, bytes, echoes, answers);
    return false;
  }
  const std::string_view type = header(head, "Content-Type").value_or("");
  if (type.starts_with("text/event-stream")) {
    check_stream(bytes);
    return false;
  }
  const auto said = header(head, "Content-Length");
  claim(said.has_value() != (status == 204), "an answer says how long it is, unless it can have no body");
  std::size_t length = 0;
  if (said) std::from_chars(said->data(), said->data() + said->size(), length);
  // That to HEAD has none.
  if (!bytes.empty() && !bytes.starts_with("HTTP/1.1 ")) {
    claim(bytes.size() >= length, "a body is as long as it is told to be");
    check_body(type, bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (header(head, "Connection") == "close") {
    claim(bytes.empty(), "nothing follows an answer that closes the connection");
  }
  return true;
}

}  // namespace

Answers check_answers(std::string_view bytes, bool echoes) {
  Answers answers;
  while (!bytes.empty() && check_answer(bytes, echoes, answers)) {
  }
  return answers;
}

}  // namespace wskit::fuzz
