// permessage-deflate both ways: messages come back as they were, and hostile
// input keeps the limit, whatever the pieces.
//
// Input: three bytes of settings, then what is taken for messages (one a line)
// and for a compressed message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/websocket/deflate.h"

namespace {

using namespace wskit::websocket;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;

struct Settings {
  int window_bits;
  int level;
  bool keep_context;
  std::size_t piece;
  std::size_t max_bytes;
};

Settings read_settings(const std::uint8_t* bytes) {
  return {.window_bits = 9 + bytes[0] % 7,
          .level = bytes[0] / 7 % 10,
          .keep_context = (bytes[0] & 0x80) != 0,
          .piece = 1U + bytes[1],
          .max_bytes = std::size_t{bytes[2]} * bytes[2]};
}

struct Outcome {
  Inflater::Status status = Inflater::Status::kOk;
  std::string text;
};

Outcome inflate(Inflater& inflater, std::string_view message, std::size_t piece, std::size_t max_bytes) {
  Outcome outcome;
  do {
    const std::string part(message.substr(0, piece));
    message.remove_prefix(part.size());
    outcome.status = inflater.inflate(part, message.empty(), max_bytes, outcome.text);
    claim(outcome.text.size() <= max_bytes + 1, "no more is inflated than shows that it is too much");
  } while (!message.empty() && outcome.status == Inflater::Status::kOk);
  return outcome;
}

void check_round_trip(const Settings& settings, std::string_view lines) {
  Deflater deflater(settings.window_bits, settings.keep_context, settings.level);
  Inflater inflater(settings.window_bits, settings.keep_context);
  while (!lines.empty()) {
    const std::string_view message = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(message.size() + 1, lines.size()));
    std::string compressed;
    deflater.compress(message, compressed);
    const Outcome outcome = inflate(inflater, compressed, settings.piece, message.size());
    claim(outcome.status == Inflater::Status::kOk, "what was compressed can be inflated");
    claim(outcome.text == message, "and is the same");
  }
}

// With the full window: past a smaller one, zlib still finds what came out of the
// same call, so a peer that breaks the agreement fares as its pieces fall.
void check_hostile(const Settings& settings, std::string_view input) {
  Inflater inflater(15, false);
  const Outcome whole = inflate(inflater, input, input.size() + 1, settings.max_bytes);
  const Outcome pieces = inflate(inflater, input, settings.piece, settings.max_bytes);
  const Outcome single = inflate(inflater, input, 1, settings.max_bytes);
  claim(whole.status == pieces.status && whole.status == single.status,
        "the verdict does not depend on the pieces");
  claim(whole.text == pieces.text && whole.text == single.text, "nor does what was inflated");

  std::string compressed;
  Deflater(15, false).compress("a good message", compressed);
  claim(inflate(inflater, compressed, settings.piece, 100).text == "a good message",
        "an inflater without context serves on");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 3) return 0;
  const Settings settings = read_settings(bytes);
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 3, size - 3);
  check_round_trip(settings, rest);
  check_hostile(settings, rest);
  return 0;
}
