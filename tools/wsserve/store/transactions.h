// One transaction: a batch of records goes into the file, and some of the oldest
// rows out of it, all or nothing.
//
// Threads: the writer's alone.
#pragma once

#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "wsserve/store/database.h"
#include "wsserve/store/record.h"
#include "wsserve/store/trimmer.h"

namespace wskit::server::store {

class Transactions {
 public:
  Transactions(Database& database, Trimmer& trimmer);

  // Commits the records, which are put in the order in which they are stored:
  // those of a channel side by side. After it the channels' states count them.
  // Deletes up to `rows_to_delete` rows besides. Throws SqlError or what else there is,
  // and then nothing of it is in the file.
  void commit(std::vector<Record>& records, std::uint64_t rows_to_delete, protocol::SystemMicros now);

  // What was thrown behind the last commit, which holds all the same; null: nothing.
  [[nodiscard]] std::exception_ptr take_trouble() { return std::exchange(trouble_, nullptr); }

  // Writes so much to the file that a small rest of disk does not pass for room,
  // and takes it out again. Throws SqlError.
  void probe();

 private:
  // The records of one channel within the batch.
  struct Run {
    StoredChannel* channel = nullptr;
    std::size_t records = 0;
    std::size_t begin = 0;   // in the sorted batch
    std::size_t placed = 0;  // while it is sorted
    // What the channel's state becomes with the commit.
    std::uint64_t bytes = 0;
    protocol::SystemMicros received{};
    bool has_ids = false;
  };

  void sort_by_channel(std::vector<Record>& records);
  void write_run(Run& run, std::span<const Record> records);
  void write_channel(const Run& run, std::span<const Record> records);
  void write_event(const Run& run, const Record& record);
  void apply(const Run& run, std::span<const Record> records);

  Database& database_;
  Trimmer& trimmer_;
  std::vector<Run> runs_;
  std::vector<Record> sorted_;
  std::exception_ptr trouble_;
  Statement begin_;
  Statement commit_;
  Statement insert_channel_;
  Statement note_ids_;
  Statement insert_event_;
};

}  // namespace wskit::server::store
