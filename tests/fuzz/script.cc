#include "script.h"

#include <algorithm>
#include <optional>

#include "common/websocket/deflate.h"

namespace wskit::fuzz {
namespace {

using websocket::Opcode;

constexpr char kSeparator = '\x1e';
constexpr std::string_view kLetters = "rxtbzfmeiokugphan";

struct Form {
  Opcode opcode;
  bool fin = true;
  bool compressed = false;
};

std::optional<Form> form_of(char letter) {
  switch (letter) {
    case 't':
      return Form{.opcode = Opcode::kText};
    case 'b':
      return Form{.opcode = Opcode::kBinary};
    case 'z':
      return Form{.opcode = Opcode::kText, .compressed = true};
    case 'f':
      return Form{.opcode = Opcode::kText, .fin = false};
    case 'm':
      return Form{.opcode = Opcode::kContinuation, .fin = false};
    case 'e':
      return Form{.opcode = Opcode::kContinuation};
    case 'i':
      return Form{.opcode = Opcode::kPing};
    case 'o':
      return Form{.opcode = Opcode::kPong};
    case 'k':
      return Form{.opcode = Opcode::kClose};
    default:
      return std::nullopt;
  }
}

std::string frame(const Form& form, std::string payload, websocket::Role sender) {
  constexpr websocket::Mask kMask{0x37, 0xfa, 0x21, 0x3d};
  const websocket::FrameHeader header{.opcode = form.opcode,
                                      .payload_bytes = payload.size(),
                                      .fin = form.fin,
                                      .compressed = form.compressed,
                                      .mask = sender == websocket::Role::kClient ? &kMask : nullptr};
  std::string bytes(websocket::header_size(header), '\0');
  websocket::write_header(header, bytes.data());
  if (header.mask != nullptr) (void)websocket::apply_mask(payload, kMask);
  return bytes + payload;
}

std::string repeat(std::string_view text) {
  if (text.size() < 2) return {};
  const std::string_view once = text.substr(1);
  const std::size_t most = kMostBytes / once.size();
  const std::size_t times =
      std::min(std::size_t{1} << (static_cast<unsigned char>(text.front()) % 32U), most);
  std::string bytes;
  for (std::size_t i = 0; i < times; ++i) bytes += once;
  return bytes;
}

}  // namespace

std::vector<Part> read_script(std::string_view input) {
  std::vector<Part> parts;
  Part part;
  while (true) {
    const std::size_t end = std::min(input.find(kSeparator), input.size());
    part.text = input.substr(0, end);
    if (!part.text.empty() || part.letter != 'r') parts.push_back(part);
    input.remove_prefix(end);
    if (input.size() < 2) return parts;
    const char letter = static_cast<char>(input[1] | 0x20);
    const bool known = kLetters.find(letter) != std::string_view::npos;
    part = {.letter = known ? letter : 'r', .joined = known && letter != input[1], .text = {}};
    input.remove_prefix(known ? 2 : 1);
  }
}

std::string to_bytes(const Part& part, websocket::Role sender) {
  if (part.letter == 'x') return repeat(part.text);
  std::string text(part.text);
  const std::optional<Form> form = form_of(part.letter);
  if (!form) return text;
  if (form->compressed) {
    thread_local websocket::Deflater deflater(15, false);
    std::string compressed;
    deflater.compress(text, compressed);
    text = std::move(compressed);
  }
  return frame(*form, std::move(text), sender);
}

}  // namespace wskit::fuzz
