// Positions of several channels as one text, for where JSON does not go: a query,
// a header, a command line (docs/protocol.md, "Positions").
//
//   *@1763713200.5*5qkp2sk9:42=market/AAPL*7=market/MSFT
//
// First the time from which channels begin that are not named, if there is one;
// then a position and its channel for each. A position without an epoch has that
// of the one before it. No channel's name holds a star. What a name holds past ASCII,
// and its percent signs, are written as %XX, for not every client can send them back
// in a header; names that are written as they are are read, too.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/protocol/position.h"

namespace wskit::protocol {

// REQUIRES: `text` begins with a star. kBadCommand or kBadChannel with the reason
// otherwise. parse_since_text() reads this form too.
[[nodiscard]] Result<FromPositions> parse_positions_text(std::string_view text);

// Writes such a text one channel after the other. The views must outlive it.
class PositionsTextWriter {
 public:
  explicit PositionsTextWriter(std::string& out, std::optional<SystemMicros> time = std::nullopt);

  void add(std::string_view channel, std::string_view epoch, std::uint64_t offset);

 private:
  std::string& out_;
  std::string_view epoch_;
  bool empty_ = true;
};

// How many bytes a channel's name takes in such a text.
[[nodiscard]] std::size_t positions_text_bytes(std::string_view channel);

}  // namespace wskit::protocol
