// A stream of frames: what the reader says of it must not depend on the pieces it
// arrives in, and what it hands out must be what it promises.
//
// Input: two bytes of settings, then the stream.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/websocket/transcript.h"
#include "claim.h"
#include "common/protocol/close_code.h"
#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "common/websocket/message_writer.h"
#include "common/websocket/utf8.h"

namespace {

using namespace wskit::websocket;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;

struct Settings {
  Role role;
  bool deflate;
  bool own_inflater;
  bool keep_context;
  ReaderLimits limits;
  std::size_t piece;  // bytes fed at a time
};

Settings read_settings(std::uint8_t flags, std::uint8_t sizes) {
  const bool small = (flags & 16) != 0;
  return {.role = (flags & 1) != 0 ? Role::kServer : Role::kClient,
          .deflate = (flags & 2) != 0,
          .own_inflater = (flags & 4) != 0,
          .keep_context = (flags & 8) != 0,
          .limits = {.max_message_bytes = small ? 100U : 100'000U, .max_fragments = small ? 3U : 1000U},
          .piece = 1U + sizes};
}

std::vector<std::string> read(const Settings& settings, std::string_view stream, std::size_t piece) {
  MessageReader reader(settings.role, settings.limits);
  Inflater shared(15, false);
  if (settings.deflate && settings.own_inflater) {
    reader.own_inflater(std::make_unique<Inflater>(15, settings.keep_context));
  } else if (settings.deflate) {
    reader.share_inflater(&shared);
  }
  std::vector<std::size_t> cuts;
  for (std::size_t at = piece; at < stream.size(); at += piece) cuts.push_back(at);
  return transcript(reader, stream, cuts);
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  bool good = true;
  for (const char& byte : text) good = good && validator.feed({&byte, 1});
  return good && validator.complete();
}

void check_item(std::string_view item, const Settings& settings, bool last) {
  const std::size_t colon = item.find(':');
  const std::string_view kind = item.substr(0, colon);
  const std::string_view rest = item.substr(colon + 1);
  if (kind == "text") claim(is_utf8(rest), "a text is UTF-8");
  if (kind == "text" || kind == "binary") {
    claim(rest.size() <= settings.limits.max_message_bytes, "a message keeps the limit");
  }
  if (kind == "ping" || kind == "pong") claim(rest.size() <= kMaxControlPayload, "a control frame is short");
  if (kind == "close" || kind == "violation") {
    claim(last, "nothing follows the end");
    claim(is_utf8(rest), "a reason is UTF-8");
  }
}

// Says the same as the other side would, in whole frames.
void check_written_again(const std::vector<std::string>& items, const Settings& settings) {
  MaskSource masks;
  MaskSource* const mask = settings.role == Role::kServer ? &masks : nullptr;
  std::string stream;
  std::vector<std::string> expected;
  for (const std::string& item : items) {
    const std::size_t colon = item.find(':');
    const std::string kind = item.substr(0, colon);
    const std::string payload = item.substr(colon + 1);
    if (kind == "text") append_frame(stream, Opcode::kText, payload, mask);
    if (kind == "binary") append_frame(stream, Opcode::kBinary, payload, mask);
    if (kind == "ping") append_frame(stream, Opcode::kPing, payload, mask);
    if (kind == "pong") append_frame(stream, Opcode::kPong, payload, mask);
    if (kind == "violation") continue;
    if (kind == "close") {
      const auto code = static_cast<wskit::protocol::CloseCode>(std::stoi(payload));
      append_close(stream, code, payload.substr(payload.find(':') + 1), mask);
    }
    expected.push_back(item);
  }
  claim(read(settings, stream, settings.piece) == expected, "what is written can be read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const Settings settings = read_settings(bytes[0], bytes[1]);
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const std::vector<std::string> items = read(settings, stream, stream.size() + 1);
  for (const std::string& item : items) check_item(item, settings, &item == &items.back());
  claim(read(settings, stream, settings.piece) == items, "the items do not depend on the pieces");
  claim(read(settings, stream, 1) == items, "nor on there being many");
  check_written_again(items, settings);
  return 0;
}
