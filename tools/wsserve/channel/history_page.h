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
#include "common/protocol/reply.h"
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

  // As the protocol tells it; refers to the frames.
  [[nodiscard]] protocol::HistoryEvents reply() const;
};

}  // namespace wskit::server
