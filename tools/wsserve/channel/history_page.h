// A part of one channel's history: what the `history` command and
// GET /history/<channel> answer with.
//
// Threads: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"
#include "common/protocol/position.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server {

struct HistoryPage {
  std::vector<ChunkPtr> frames;
  std::uint64_t offset = 0;  // of the channel's newest event
  std::string_view epoch;
  std::uint64_t oldest = 1;
  bool recovered = false;  // nothing is missing between `since` and the first event
  bool complete = false;   // nothing follows the last event

  // Leaves at most `limit` of the `replayed` events that there are.
  void cut(std::size_t limit, std::uint64_t replayed);

  // {"channel":…,"events":[…],"offset":N,"epoch":"E","oldest":N,…}
  [[nodiscard]] std::string json() const;
};

inline constexpr std::size_t kDefaultHistoryLimit = 100;
inline constexpr std::size_t kMaxHistoryLimit = 10'000;

// A whole number from 1 to kMaxHistoryLimit; empty text is the default.
[[nodiscard]] protocol::Result<std::size_t> parse_limit(std::string_view text);

}  // namespace wskit::server
