// What the writer knows of one channel: only committed facts.
//
// Threads: the opening thread's, then the writer's alone.
#pragma once

#include <cstdint>

#include "common/protocol/timestamp.h"
#include "wsserve/store/held_ids.h"

namespace wskit::server::store {

// An event in the terms of retention.
struct Mark {
  std::uint64_t offset = 1;
  std::uint64_t bytes_before = 0;  // of all events before it
  protocol::SystemMicros received = protocol::SystemMicros::min();
};

struct ChannelState {
  bool in_file = false;  // its row in `channels` is there
  bool has_ids = false;  // and says that some event ever had a dedup id or a sequence
  bool to_trim = false;  // waits for its oldest rows to be deleted
  std::uint64_t newest = 0;
  std::uint64_t bytes = 0;  // of all events up to the newest, in the terms of History
  protocol::SystemMicros newest_received = protocol::SystemMicros::min();
  std::uint64_t floor = 1;  // the offset of the oldest row in the file; newest + 1: there is none
  Mark known;               // some event that is not newer than the oldest readable one
  HeldIds held_ids;
};

}  // namespace wskit::server::store
