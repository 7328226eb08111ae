// One answer to the command `history`, as slices of its text: the events stay as
// they came.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/position.h"

namespace wskit::tap {

struct HistoryPage {
  std::string_view id;                   // of the question, JSON text
  std::string timestamp;                 // of the answer
  std::vector<std::string_view> events;  // JSON texts within the answer
  std::uint64_t offset = 0;              // of the channel's newest event
  std::string epoch;
  std::uint64_t oldest = 1;
  bool recovered = false;  // nothing is missing before the first event
  bool complete = false;   // nothing follows the last one
};

// Nothing for a text that is no such answer.
[[nodiscard]] std::optional<HistoryPage> parse_history_page(std::string_view text);

// Asks for what follows `since`. `id` is JSON.
[[nodiscard]] std::string history_command(std::string_view id, std::string_view channel,
                                          const protocol::Since& since, std::size_t limit);

}  // namespace wskit::tap
