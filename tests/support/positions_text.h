// Positions as a text: for tests. The server writes one channel after the other.
#pragma once

#include <string>

#include "common/protocol/positions_text.h"

namespace wskit::test {

[[nodiscard]] inline std::string to_text(const protocol::FromPositions& from) {
  std::string text;
  protocol::PositionsTextWriter writer(text, from.time);
  // Those of whichever epoch first, for later ones would take over the one before.
  for (const bool with_epoch : {false, true}) {
    for (const auto& [channel, position] : from.positions) {
      if (position.epoch.empty() != with_epoch) writer.add(channel, position.epoch, position.offset);
    }
  }
  return text;
}

}  // namespace wskit::test
