// Values that no channel segment can hold as they are (`BTC/USD`, `BRK B`, `ES#F`), as
// texts that one can.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace wskit::pub {

// Writes each byte of a character that a segment cannot hold, and of `~`, as `~` and
// two hexadecimal digits: `BTC~2FUSD`. An empty value is `~`, and the dots of `.` and
// `..` are written so, too. Two values never become one text, and undoing it gives the
// value back. `begins_name`: an `@` at its beginning is none that a name may begin with.
[[nodiscard]] std::string encode_segment(std::string_view value, bool begins_name);

// Writes `replacement` for each character that a segment cannot hold. An empty value
// stays empty.
[[nodiscard]] std::string replace_in_segment(std::string_view value, bool begins_name,
                                             std::string_view replacement);

}  // namespace wskit::pub
