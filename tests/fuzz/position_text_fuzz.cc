// Positions as text: what a query, a command line or a Last-Event-ID header brings.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "claim.h"
#include "common/protocol/channel.h"
#include "common/protocol/position.h"
#include "common/protocol/positions_text.h"
#include "support/positions_text.h"

namespace {

using namespace wskit::protocol;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;
using wskit::test::to_text;

constexpr SystemMicros kNow{std::chrono::seconds{1'795'000'000}};
// What RFC 3339 can write.
constexpr SystemMicros kFirst{std::chrono::seconds{-62'167'219'200}};
constexpr SystemMicros kLast{std::chrono::seconds{253'402'300'799}};

bool can_be_written(const Since& since) {
  const auto* time = std::get_if<SystemMicros>(&since);
  return time == nullptr || (*time >= kFirst && *time <= kLast);
}

void check_positions(const FromPositions& from) {
  for (const auto& [channel, position] : from.positions) {
    claim(check_channel(channel).has_value(), "only channels have positions");
    claim(position.epoch.find_first_of("*=\r\n") == std::string::npos, "no epoch breaks a header");
  }
  const std::string text = to_text(from);
  claim(text.find_first_of("\r\n") == std::string::npos, "the text is one line");
  const auto back = parse_positions_text(text);
  claim(back && *back == from, "what is written is read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const Result<Since> since = parse_since_text(text, kNow);
  if (!since) {
    claim(!since.error().message.empty(), "a refusal has a reason");
    return 0;
  }
  if (can_be_written(*since)) {
    const Result<Since> back = parse_since(to_json(*since), kNow);
    claim(back && *back == *since, "its JSON means the same");
  }
  if (const auto* from = std::get_if<FromPositions>(&*since)) check_positions(*from);
  return 0;
}
