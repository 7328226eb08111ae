#include "wsserve/store/reader.h"

#include <fmt/format.h>

#include <utility>

#include "wsserve/event_frame.h"
#include "wsserve/store/row_checksum.h"
#include "wsserve/store/row_id.h"

namespace wskit::server::store {
namespace {

// Whether the row is as it was written, as far as it says so itself.
bool is_unchanged(const Statement& row) {
  if (row.is_null(7)) return true;
  return row.number(7) == checksum_of({.id = row.number(0),
                                       .received = row.number(5),
                                       .type = row.text(1),
                                       .timestamp = row.text(2),
                                       .key = row.text(3),
                                       .dedup = row.text(6),
                                       .data = row.text(4)});
}

// The frame of the row that the query stands on; null where the row is damaged.
ChunkPtr frame_of(const Statement& row, const std::string& channel, std::uint64_t offset) {
  if (!is_unchanged(row)) return nullptr;
  protocol::EventView event;
  event.type = row.text(1);
  event.channel = channel;
  event.offset = offset;
  event.timestamp = row.text(2);
  event.key = row.text(3);
  event.data = row.text(4);
  ChunkPtr frame = build_event_frame(event);
  // What stands in the file is only as good as the disk, and others may have
  // written to it; what goes out to subscribers is always an event.
  std::string storage;
  const auto decoded = protocol::decode_event(frame->text(), storage);
  const bool whole = decoded && decoded->type == event.type && decoded->timestamp == event.timestamp &&
                     decoded->key == event.key && decoded->data == event.data && decoded->id.empty() &&
                     decoded->received.empty() && decoded->from == 0 && decoded->merged == 0;
  return whole ? frame : nullptr;
}

}  // namespace

struct Reader::File {
  explicit File(const std::string& path)
      : database(path, Access::kReadOnly),
        range(database,
              "SELECT id, type, timestamp, key, data, received, dedup, checksum FROM events "
              "WHERE id BETWEEN ? AND ? ORDER BY id"),
        row_from(database, "SELECT id, received FROM events WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"),
        newest(database, "SELECT id FROM events WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1") {}

  Database database;
  Statement range;
  Statement row_from;
  Statement newest;
};

Reader::Reader(const std::string& path) : file_(std::make_unique<File>(path)) {}

Reader::~Reader() { stop(); }

void Reader::start() {
  thread_ = std::thread([this] { run(); });
}

void Reader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    tasks_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  file_.reset();
}

void Reader::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Reader::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !tasks_.empty() || stopping_; });
    if (stopping_) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds is let go without the lock
    lock.lock();
  }
}

void Reader::read(StoredChannel& channel, std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
                  std::function<void(Part)> then) {
  post([this, &channel, after, up_to, max_bytes, then = std::move(then)] {
    Part part;
    try {
      part = read_now(channel, after, up_to, max_bytes);
    } catch (const SqlError& error) {
      part.error = error.what();
    }
    read_events_.fetch_add(part.frames.size(), std::memory_order_relaxed);
    then(std::move(part));
  });
}

void Reader::locate(StoredChannel& channel, protocol::SystemMicros time, std::function<void(Located)> then) {
  post([this, &channel, time, then = std::move(then)] {
    Located located;
    try {
      located = locate_now(channel, time);
    } catch (const SqlError& error) {
      located.error = error.what();
    }
    then(std::move(located));
  });
}

Part Reader::read_now(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                      std::size_t max_bytes) {
  Part part;
  if (after >= up_to) return part;
  if (after + 1 < channel.oldest()) {
    part.gap = true;
    return part;
  }
  Statement& rows = file_->range;
  rows.bind(1, row_id(channel.id(), after + 1));
  rows.bind(2, row_id(channel.id(), up_to));
  std::size_t bytes = 0;
  std::uint64_t next = after + 1;
  while (next <= up_to && bytes <= max_bytes && rows.step()) {
    ChunkPtr frame;
    if (offset_of(rows.number(0)) == next) frame = frame_of(rows, channel.name(), next);
    if (frame == nullptr) break;
    bytes += frame->size();
    part.frames.push_back(std::move(frame));
    ++next;
  }
  rows.reset();
  // What came before a damaged row is good.
  if (!part.frames.empty()) return part;
  // Rows are deleted only after the channel has let go of them.
  part.gap = after + 1 < channel.oldest();
  if (!part.gap) {
    part.error = fmt::format("event {} of {} is missing or damaged in the store", next, channel.name());
  }
  return part;
}

Located Reader::locate_now(const StoredChannel& channel, protocol::SystemMicros time) {
  Located located;
  File& file = *file_;
  const std::int64_t last = row_id(channel.id(), kMaxOffset);
  std::uint64_t low = channel.oldest();  // the answer's successor is not before it
  // When the event from `offset` on was received; false if there is none.
  const auto received = [&](std::uint64_t offset, protocol::SystemMicros& at) {
    file.row_from.bind(1, row_id(channel.id(), offset));
    file.row_from.bind(2, last);
    if (!file.row_from.step()) return false;
    at = protocol::SystemMicros(std::chrono::microseconds(file.row_from.number(1)));
    file.row_from.reset();
    return true;
  };
  file.newest.bind(1, row_id(channel.id(), 0));
  file.newest.bind(2, last);
  std::uint64_t high = low;  // that event was received at `time` or later, or is none yet
  if (file.newest.step()) high = std::max(low, offset_of(file.newest.number(0)) + 1);
  file.newest.reset();
  protocol::SystemMicros at;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (received(middle, at) && at < time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  located.after = low - 1;
  // The newest event that was let go tells for all of them: times ascend. It is in
  // the file or was the last one deleted, or one deleted even later.
  located.whole = true;
  if (const std::uint64_t oldest = channel.oldest(); oldest > 1) {
    const protocol::SystemMicros deleted = channel.deleted_received();
    file.row_from.bind(1, row_id(channel.id(), oldest - 1));
    file.row_from.bind(2, row_id(channel.id(), oldest - 1));
    if (file.row_from.step()) {
      at = protocol::SystemMicros(std::chrono::microseconds(file.row_from.number(1)));
      file.row_from.reset();
    } else {
      at = std::max(deleted, channel.deleted_received());
    }
    located.whole = at < time;
  }
  return located;
}

}  // namespace wskit::server::store
