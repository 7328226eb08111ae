// Lets go of a channel's oldest events: first nobody may read them any more, as
// soon as the limits say so; then their rows are deleted, a few at a time.
//
// Threads: the opening thread's, then the writer's alone.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "common/protocol/timestamp.h"
#include "wsserve/loop/age_clock.h"
#include "wsserve/store/database.h"
#include "wsserve/store/stored_channel.h"

namespace wskit::server::store {

class Trimmer {
 public:
  // `ages` outlives it.
  Trimmer(Database& database, const AgeClock& ages);

  [[nodiscard]] const AgeClock& ages() const { return ages_; }

  // From now on sweep() looks after the channel, which outlives the trimmer.
  void add(StoredChannel& channel) { channels_.push_back(&channel); }

  // Applies the limits to what is committed.
  void advance(StoredChannel& channel, protocol::SystemMicros now);
  // The same for some of the channels that have been quiet; after a few calls all
  // were looked at. False if that was the last of them.
  bool sweep(protocol::SystemMicros now);

  // Whether rows wait to be deleted.
  [[nodiscard]] bool has_work() const { return !due_.empty(); }
  // Deletes some `rows` rows within the open transaction, which ends with one of
  // the two that follow. Throws SqlError.
  void delete_rows(std::uint64_t rows, protocol::SystemMicros now);
  void committed(protocol::SystemMicros now);
  void rolled_back() noexcept;

 private:
  struct Deletion {
    StoredChannel* channel;
    std::uint64_t floor;  // then the oldest row
    protocol::SystemMicros received;
  };

  [[nodiscard]] Mark mark_at(StoredChannel& channel, std::uint64_t offset);
  [[nodiscard]] std::uint64_t oldest_within(StoredChannel& channel, const HistoryLimits& limits,
                                            protocol::SystemMicros now);
  // The oldest row that must stay.
  [[nodiscard]] std::uint64_t keep_from(StoredChannel& channel, protocol::SystemMicros now);
  void keep_due(StoredChannel& channel) noexcept;
  void note_due(StoredChannel& channel, protocol::SystemMicros now, std::uint64_t least_rows);

  const AgeClock& ages_;
  std::vector<StoredChannel*> channels_;
  std::size_t swept_ = 0;  // of channels_, in this round
  std::deque<StoredChannel*> due_;
  std::vector<Deletion> deletions_;  // of the open transaction
  Statement mark_;
  Statement delete_;
  Statement note_gone_;
};

}  // namespace wskit::server::store
