#include "wsserve/store/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wsserve/frame/event_frame.h"
#include "wsserve/store/row_checksum.h"
#include "wsserve/store/row_id.h"

namespace wskit::server::store {
namespace {

// One line about damage in so much time, and no more places of it remembered.
constexpr std::chrono::seconds kBetweenRemarks{10};
constexpr std::size_t kMaxPlaces = 10'000;

// What a row of any size counts as where it is passed over.
constexpr std::size_t kPassedOverBytes = 256;

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

void Reader::start(std::function<void(const std::string& line)> remark,
                   std::function<void(const char* where)> caught) {
  remark_ = std::move(remark);
  caught_ = std::move(caught);
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
    try {
      task();
    } catch (...) {
      if (caught_) caught_("the answer of the store's reader");
    }
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
    } catch (...) {
      if (caught_) caught_("reading the store");
      part = {};
      part.error = "the server failed at reading it";
      file_->range.reset();
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
    } catch (...) {
      if (caught_) caught_("looking for a time in the store");
      located.error = "the server failed at reading it";
      file_->row_from.reset();
      file_->newest.reset();
    }
    then(std::move(located));
  });
}

// --- Ranges ------------------------------------------------------------------

Part Reader::read_now(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                      std::size_t max_bytes) {
  Part part;
  if (after >= up_to) return part;
  if (after + 1 >= channel.oldest()) {
    try {
      read_rows(channel, after, up_to, max_bytes, part);
    } catch (const SqlError& error) {
      if (error.code() != SQLITE_CORRUPT) throw;
      // What came before is good; the bad page is met again by who asks for it.
      if (part.frames.empty()) {
        part.lost_up_to = next_readable(channel, std::max(after, part.lost_up_to) + 1, up_to) - 1;
      }
    }
  }
  // Rows are deleted only after the channel has let go of them.
  if (after + 1 < channel.oldest()) {
    part.gap = part.frames.empty() || part.lost_up_to != 0;
    if (part.gap) part.frames.clear();
    part.lost_up_to = 0;
    return part;
  }
  if (part.lost_up_to != 0) note_damage(channel, after + 1, part.lost_up_to);
  note_good(channel, part);
  return part;
}

void Reader::read_rows(const StoredChannel& channel, std::uint64_t after, std::uint64_t up_to,
                       std::size_t max_bytes, Part& part) {
  Statement& rows = file_->range;
  rows.bind(1, row_id(channel.id(), after + 1));
  rows.bind(2, row_id(channel.id(), up_to));
  std::size_t bytes = 0;
  std::uint64_t next = after + 1;
  while (next <= up_to && bytes <= max_bytes) {
    const bool any = rows.step();
    const std::uint64_t offset = any ? offset_of(rows.number(0)) : up_to + 1;
    ChunkPtr frame = any ? frame_of(rows, channel.name(), offset) : nullptr;
    if (offset != next || frame == nullptr) {
      // What came before is good; this is told to who asks for it.
      if (!part.frames.empty()) break;
      part.lost_up_to = frame == nullptr && any ? offset : offset - 1;
      next = part.lost_up_to + 1;
      bytes += kPassedOverBytes;
    }
    if (!any) break;
    if (frame == nullptr) continue;
    bytes += frame->size();
    part.frames.push_back(std::move(frame));
    ++next;
  }
  rows.reset();
}

std::uint64_t Reader::next_readable(const StoredChannel& channel, std::uint64_t bad, std::uint64_t up_to) {
  const auto is_readable = [&](std::uint64_t offset) {
    try {
      file_->row_from.bind(1, row_id(channel.id(), offset));
      file_->row_from.bind(2, row_id(channel.id(), up_to));
      if (file_->row_from.step()) file_->row_from.reset();
      return true;
    } catch (const SqlError& error) {
      if (error.code() != SQLITE_CORRUPT) throw;
      return false;
    }
  };
  std::uint64_t low = bad;  // cannot be read
  std::uint64_t step = 1;
  while (low + step <= up_to && !is_readable(low + step)) {
    low += step;
    step *= 2;
  }
  std::uint64_t high = std::min(low + step, up_to + 1);
  while (low + 1 < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    (is_readable(middle) ? high : low) = middle;
  }
  return high;
}

// --- Damage ------------------------------------------------------------------

void Reader::note_damage(const StoredChannel& channel, std::uint64_t first, std::uint64_t last) {
  {
    const std::lock_guard lock(damage_mutex_);
    if (damage_.size() >= kMaxPlaces) return;
    const auto [place, is_new] = damage_.try_emplace({&channel, first}, last);
    if (!is_new && place->second >= last) return;
    place->second = last;
  }
  unremarked_ += last - first + 1;
  const auto now = Clock::now();
  if (!remark_ || now < next_remark_) return;
  next_remark_ = now + kBetweenRemarks;
  remark_(fmt::format(
      "{} of {} {} missing or damaged in the store: who reads there is told of a gap{}",
      first == last ? fmt::format("event {}", first) : fmt::format("events {} to {}", first, last),
      channel.name(), first == last ? "is" : "are",
      unremarked_ > last - first + 1 ? fmt::format(" ({} events since the last such line)", unremarked_)
                                     : std::string()));
  unremarked_ = 0;
}

void Reader::note_good(const StoredChannel& channel, const Part& part) {
  if (part.frames.empty()) return;
  const std::lock_guard lock(damage_mutex_);
  if (damage_.empty()) return;
  // Somebody has mended it.
  damage_.erase(damage_.lower_bound({&channel, part.frames.front()->event.offset}),
                damage_.upper_bound({&channel, part.frames.back()->event.offset}));
}

std::uint64_t Reader::damaged_events() const {
  const std::lock_guard lock(damage_mutex_);
  std::uint64_t events = 0;
  for (const auto& [place, last] : damage_) {
    const std::uint64_t first = std::max(place.second, place.first->oldest());
    if (first <= last) events += last - first + 1;
  }
  return events;
}

// --- Times -------------------------------------------------------------------

Located Reader::locate_now(const StoredChannel& channel, protocol::SystemMicros time) {
  try {
    return search(channel, time);
  } catch (const SqlError& error) {
    if (error.code() != SQLITE_CORRUPT) throw;
    // Somewhere there is a page that cannot be read: from the beginning, then, and
    // nobody can say that it is all.
    return {.after = channel.oldest() - 1, .whole = false, .error = {}};
  }
}

Located Reader::search(const StoredChannel& channel, protocol::SystemMicros time) {
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
