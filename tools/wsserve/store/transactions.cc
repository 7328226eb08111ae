#include "wsserve/store/transactions.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "wsserve/frame/event_frame.h"
#include "wsserve/store/row_checksum.h"
#include "wsserve/store/row_id.h"

namespace wskit::server::store {

Transactions::Transactions(Database& database, Trimmer& trimmer)
    : database_(database),
      trimmer_(trimmer),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      insert_channel_(database, "INSERT INTO channels(id, name, epoch, has_ids) VALUES(?, ?, ?, ?)"),
      note_ids_(database, "UPDATE channels SET has_ids = 1 WHERE id = ?"),
      insert_event_(database,
                    "INSERT INTO events(id, received, bytes_before, type, timestamp, key, dedup, data, "
                    "checksum, producer, sequence) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

void Transactions::commit(std::vector<Record>& records, std::uint64_t rows_to_delete,
                          protocol::SystemMicros now) {
  sort_by_channel(records);
  begin_.run();
  try {
    for (Run& run : runs_) write_run(run, std::span(records).subspan(run.begin, run.records));
    if (rows_to_delete != 0) trimmer_.delete_rows(rows_to_delete, now);
    commit_.run();
  } catch (...) {
    database_.rollback();
    trimmer_.rolled_back();
    throw;
  }
  // They are on disk, whatever is thrown from here on.
  for (const Run& run : runs_) {
    try {
      apply(run, std::span(records).subspan(run.begin, run.records));
    } catch (...) {
      trouble_ = std::current_exception();
    }
  }
  trimmer_.committed(now);
}

// Puts the records of each channel side by side, in the order of the channels'
// numbers, so that the file is written from one end to the other.
void Transactions::sort_by_channel(std::vector<Record>& records) {
  runs_.clear();
  std::unordered_map<const StoredChannel*, std::size_t> known;
  Run* last = nullptr;
  for (const Record& record : records) {
    if (last == nullptr || last->channel != record.channel) {
      const auto [entry, is_new] = known.try_emplace(record.channel, runs_.size());
      if (is_new) runs_.push_back({.channel = record.channel});
      last = &runs_[entry->second];
    }
    ++last->records;
  }
  if (runs_.size() < 2) return;
  std::ranges::sort(runs_, {}, [](const Run& run) { return run.channel->id(); });
  std::size_t begin = 0;
  for (std::size_t i = 0; i != runs_.size(); ++i) {
    runs_[i].begin = runs_[i].placed = begin;
    begin += runs_[i].records;
    known[runs_[i].channel] = i;
  }
  sorted_.resize(records.size());
  for (Record& record : records) sorted_[runs_[known[record.channel]].placed++] = std::move(record);
  records.swap(sorted_);
  sorted_.clear();
}

void Transactions::write_run(Run& run, std::span<const Record> records) {
  const ChannelState& state = run.channel->state();
  run.bytes = state.bytes;
  run.received = state.newest_received;
  run.has_ids =
      state.has_ids || std::ranges::any_of(records, [](const Record& each) { return each.is_remembered(); });
  write_channel(run, records);
  for (const Record& record : records) {
    // A clock that was set back must not hide events from a search by time.
    run.received = std::max(run.received, record.received);
    write_event(run, record);
    run.bytes += record.frame->size() + History::kOverheadBytes;
  }
}

void Transactions::write_channel(const Run& run, std::span<const Record>) {
  const ChannelState& state = run.channel->state();
  if (!state.in_file) {
    insert_channel_.bind(1, run.channel->id());
    insert_channel_.bind(2, run.channel->name());
    insert_channel_.bind(3, run.channel->epoch());
    insert_channel_.bind(4, std::int64_t{run.has_ids});
    insert_channel_.run();
  } else if (run.has_ids && !state.has_ids) {
    note_ids_.bind(1, run.channel->id());
    note_ids_.run();
  }
}

void Transactions::write_event(const Run& run, const Record& record) {
  const protocol::EventView event = view_event_frame(*record.frame, run.channel->name());
  const RowContent row{.id = row_id(run.channel->id(), event.offset),
                       .received = run.received.time_since_epoch().count(),
                       .type = event.type,
                       .timestamp = event.timestamp,
                       .key = event.key,
                       .dedup = record.dedup,
                       .data = event.data};
  insert_event_.bind(1, row.id);
  insert_event_.bind(2, row.received);
  insert_event_.bind(3, static_cast<std::int64_t>(run.bytes));
  insert_event_.bind(4, event.type);
  insert_event_.bind(5, event.timestamp);
  if (event.key.empty()) {
    insert_event_.bind_null(6);
  } else {
    insert_event_.bind(6, event.key);
  }
  if (record.dedup.empty()) {
    insert_event_.bind_null(7);
  } else {
    insert_event_.bind(7, record.dedup);
  }
  insert_event_.bind(8, event.data);
  insert_event_.bind(9, checksum_of(row));
  if (record.producer == nullptr) {
    insert_event_.bind_null(10);
    insert_event_.bind_null(11);
  } else {
    insert_event_.bind(10, record.producer->name());
    insert_event_.bind(11, record.sequence);
  }
  insert_event_.run();
}

void Transactions::apply(const Run& run, std::span<const Record> records) {
  ChannelState& state = run.channel->state();
  const bool is_new = !std::exchange(state.in_file, true);
  state.has_ids = run.has_ids;
  state.newest = records.back().frame->event.offset;
  state.bytes = run.bytes;
  state.newest_received = run.received;
  if (is_new) trimmer_.add(*run.channel);
  if (!run.has_ids) return;
  const DedupLimits limits = run.channel->retention().dedup;
  const protocol::SystemMicros now = trimmer_.ages().now_for(limits.max_age, records.back().received);
  for (const Record& record : records) {
    if (!record.is_remembered()) continue;
    const std::string_view producer =
        record.producer == nullptr ? std::string_view() : record.producer->name();
    state.held_ids.add(record.frame->event.offset, record.received, producer, limits, now);
  }
}

void Transactions::probe() {
  database_.exec("BEGIN IMMEDIATE");
  try {
    database_.exec("INSERT INTO meta(key, value) VALUES('probe', hex(zeroblob(524288)))");
    database_.exec("COMMIT");
    database_.exec("DELETE FROM meta WHERE key = 'probe'");
  } catch (const SqlError&) {
    database_.rollback();
    throw;
  }
}

}  // namespace wskit::server::store
