#include "common/protocol/channel.h"

#include <fmt/format.h>

#include <array>

#include "common/protocol/quote.h"
#include "common/protocol/utf8.h"

namespace wskit::protocol {
namespace {

constexpr std::string_view kForbidden = "*{}?#\"\\";

// Whether a byte of ASCII may stand in a segment of a name.
constexpr std::array<bool, 128> make_plain_bytes() {
  std::array<bool, 128> plain{};
  for (std::size_t byte = 0x21; byte < 0x7F; ++byte) {
    const char c = static_cast<char>(byte);
    plain[byte] = c != '/' && kForbidden.find(c) == std::string_view::npos;
  }
  return plain;
}
constexpr std::array<bool, 128> kPlainBytes = make_plain_bytes();

// Unicode's White_Space and the control characters, past ASCII as well.
bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}
bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

struct Fault {
  std::size_t position = 0;
  std::string reason;  // empty: none
};

// Why the character at `position`, which is not a plain byte, may not stand
// there; sets `bytes` to its length.
Fault check_character(std::string_view text, std::size_t position, std::size_t& bytes) {
  const CodePoint point = decode_code_point(text.substr(position));
  bytes = point.bytes;
  if (point.bytes == 0) return {position, "it is not valid UTF-8"};
  if (is_space(point.value)) return {position, "white space is not allowed"};
  if (is_control(point.value)) return {position, "control characters are not allowed"};
  if (point.value < 0x80) return {position, fmt::format("the character {} is not allowed", text[position])};
  return {};
}

// REQUIRES: a star at `position` of a pattern; `segment` is where its segment begins.
Fault check_star(std::string_view text, std::size_t position, std::size_t segment, std::size_t& bytes) {
  const std::string_view rest = text.substr(position);
  bytes = rest.starts_with("**") ? 2 : 1;
  if (position != segment || (rest.size() > bytes && rest[bytes] != '/')) {
    return {position, "* stands for a whole segment, so nothing may stand beside it"};
  }
  if (bytes == 2 && rest.size() > 2) return {position, "** may only be the last segment"};
  return {};
}

// What an address never reaches: browsers and proxies resolve it away (RFC 3986
// section 5.2.4).
bool is_dot_segment(std::string_view segment) { return segment == "." || segment == ".."; }

Fault dot_segment(std::size_t position, std::size_t segment) {
  return {position, fmt::format("segment {} is . or .., which no address can hold", segment)};
}

Fault check_segments(std::string_view text, bool is_pattern) {
  if (text.empty()) return {0, "it is empty"};
  if (text.size() > kMaxChannelBytes) {
    return {kMaxChannelBytes,
            fmt::format("it has {} bytes; at most {} are allowed", text.size(), kMaxChannelBytes)};
  }
  std::size_t segments = 1;
  std::size_t segment = 0;
  std::size_t bytes = 1;
  for (std::size_t position = 0; position < text.size(); position += bytes) {
    const auto byte = static_cast<unsigned char>(text[position]);
    bytes = 1;
    if (byte < 0x80 && kPlainBytes[byte]) continue;
    if (byte == '/') {
      if (position == segment) return {position, fmt::format("segment {} is empty", segments)};
      if (is_dot_segment(text.substr(segment, position - segment))) return dot_segment(segment, segments);
      segment = position + 1;
      if (++segments > kMaxChannelSegments) {
        return {position, fmt::format("it has more than {} segments", kMaxChannelSegments)};
      }
      continue;
    }
    Fault fault = is_pattern && byte == '*' ? check_star(text, position, segment, bytes)
                                            : check_character(text, position, bytes);
    if (!fault.reason.empty()) return fault;
  }
  if (segment == text.size()) return {segment, fmt::format("segment {} is empty", segments)};
  if (is_dot_segment(text.substr(segment))) return dot_segment(segment, segments);
  return {};
}

Result<void> check(std::string_view noun, std::string_view text, bool is_pattern) {
  const Fault fault = check_segments(text, is_pattern);
  if (fault.reason.empty()) return {};
  const std::string quoted = quote(text);
  return Error{ErrorCode::kBadChannel,
               fmt::format("{} {}: {} (byte {})", noun, quoted, fault.reason, fault.position),
               fmt::format(R"({{"channel":{},"position":{}}})", quoted, fault.position)};
}

// Takes the first segment off `path`; what is left begins after the slash.
std::string_view take_segment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

}  // namespace

Result<void> check_channel(std::string_view name) { return check("channel", name, false); }

bool looks_like_pattern(std::string_view name) { return name.find('*') != std::string_view::npos; }

Result<Pattern> Pattern::parse(std::string_view text) {
  const Result<void> checked = check(looks_like_pattern(text) ? "pattern" : "channel", text, true);
  if (!checked) return checked.error();
  return Pattern(std::string(text));
}

bool Pattern::matches(std::string_view channel) const {
  if (is_server_channel(channel) != is_server_channel(text_)) return false;
  std::string_view pattern = text_;
  while (!pattern.empty() && !channel.empty()) {
    const std::string_view wanted = take_segment(pattern);
    if (wanted == "**") return true;
    const std::string_view segment = take_segment(channel);
    if (wanted != "*" && wanted != segment) return false;
  }
  return pattern.empty() && channel.empty();
}

bool Pattern::covers(const Pattern& other) const {
  if (is_server_channel(other.text_) != is_server_channel(text_)) return false;
  std::string_view mine = text_;
  std::string_view theirs = other.text_;
  while (!mine.empty() && !theirs.empty()) {
    const std::string_view wanted = take_segment(mine);
    if (wanted == "**") return true;
    const std::string_view segment = take_segment(theirs);
    if (segment == "**" || (wanted != "*" && wanted != segment)) return false;
  }
  return mine.empty() && theirs.empty();
}

bool Pattern::overlaps(const Pattern& other) const {
  if (is_server_channel(text_) != is_server_channel(other.text_)) return false;
  std::string_view mine = text_;
  std::string_view theirs = other.text_;
  while (!mine.empty() && !theirs.empty()) {
    const std::string_view my_segment = take_segment(mine);
    const std::string_view their_segment = take_segment(theirs);
    if (my_segment == "**" || their_segment == "**") return true;
    if (my_segment != "*" && their_segment != "*" && my_segment != their_segment) return false;
  }
  return mine.empty() && theirs.empty();
}

}  // namespace wskit::protocol
