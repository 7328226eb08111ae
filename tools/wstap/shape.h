// How the data of an event reads in one line, by the event's type: a trade as
// side, quantity and price, a candle as open to close, and so on; any other type
// as its members.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wskit::tap {

// What a type is about; decides its colour.
enum class Tone : std::uint8_t { kPlain, kQuiet, kGood, kBad, kWarn, kHeadline };

struct Shape {
  Tone tone = Tone::kPlain;
  std::string text;
};

// `colored`: gains and losses, sides and levels get their colours within the text.
[[nodiscard]] Shape shape_event(std::string_view type, std::string_view data, bool colored);

// How far a piece of work is, where the type says that its data tells so.
struct Progress {
  double fraction = 0;  // 0 to 1
  std::string text;     // "450/1000", a message
};
[[nodiscard]] std::optional<Progress> progress_of(std::string_view type, std::string_view data);

// Whether an event of this type ends the work whose progress a channel showed.
[[nodiscard]] bool ends_progress(std::string_view type);

[[nodiscard]] std::string paint(std::string_view text, Tone tone, bool colored);

}  // namespace wskit::tap
