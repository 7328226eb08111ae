// Ways to lay out the store's events in an SQLite file, side by side: rows of 200
// byte events written in transactions, and each channel read back in order. The
// first is the store's own (docs/store.md tells why). The file is made below
// TMPDIR: what is measured is that disk.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/scratch_folder.h"
#include "wsserve/store/database.h"
#include "wsserve/store/row_id.h"

namespace wskit::server::store {
namespace {

constexpr const char* kColumns =
    "received INTEGER, bytes_before INTEGER, type TEXT, timestamp TEXT, key TEXT, dedup TEXT, data TEXT";

enum class Layout : std::uint8_t {
  kChannelAndOffset,  // integer key of channel and offset
  kComposite,         // the same as two columns, WITHOUT ROWID
  kArrival,           // in order of arrival; a second table says where each channel's runs are
  kArrivalIndexed,    // in order of arrival; an index on channel and offset
};

class File {
 public:
  File(Layout layout, std::size_t channels) : layout_(layout), newest_(channels) {
    database_.emplace((scratch_.path() / "events.db").string(), Access::kReadWrite);
    database_->exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536");
    const std::string columns = kColumns;
    if (layout == Layout::kChannelAndOffset) {
      database_->exec("CREATE TABLE events(id INTEGER PRIMARY KEY, " + columns + ")");
      insert_.emplace(*database_, "INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
      read_.emplace(*database_, "SELECT data, type, timestamp FROM events WHERE id BETWEEN ? AND ?");
      return;
    }
    const std::string both = "channel INTEGER, offset INTEGER, ";
    const bool composite = layout == Layout::kComposite;
    database_->exec(composite ? "CREATE TABLE events(" + both + columns +
                                    ", PRIMARY KEY(channel, offset)) WITHOUT ROWID"
                              : "CREATE TABLE events(seq INTEGER PRIMARY KEY, " + both + columns + ")");
    if (layout == Layout::kArrivalIndexed) {
      database_->exec("CREATE UNIQUE INDEX places ON events(channel, offset)");
    }
    if (layout == Layout::kArrival) {
      database_->exec(
          "CREATE TABLE segments(channel INTEGER, first INTEGER, last INTEGER, seq INTEGER, "
          "PRIMARY KEY(channel, first)) WITHOUT ROWID");
      segment_.emplace(*database_, "INSERT INTO segments VALUES(?, ?, ?, ?)");
      // CROSS JOIN keeps SQLite from beginning with the events.
      read_.emplace(*database_,
                    "SELECT data, type, timestamp FROM segments CROSS JOIN events "
                    "ON events.seq BETWEEN segments.seq AND segments.seq + last - first "
                    "WHERE segments.channel = ? AND first < ? ORDER BY first");
    } else {
      read_.emplace(
          *database_,
          "SELECT data, type, timestamp FROM events WHERE channel = ? AND offset < ? ORDER BY offset");
    }
    insert_.emplace(*database_, composite
                                    ? "INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                    : "INSERT INTO events(channel, offset, received, bytes_before, type, "
                                      "timestamp, key, dedup, data) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
  }
  ~File() {
    read_.reset();
    segment_.reset();
    insert_.reset();
    database_.reset();
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // One transaction of so many events, of channels drawn at random, those of a
  // channel side by side.
  void commit(std::size_t events) {
    batch_.resize(events);
    for (std::size_t& channel : batch_) channel = random_() % newest_.size();
    std::ranges::sort(batch_);
    database_->exec("BEGIN IMMEDIATE");
    for (std::size_t begin = 0; begin != events;) {
      const std::size_t channel = batch_[begin];
      std::size_t end = begin;
      for (; end != events && batch_[end] == channel; ++end) insert(channel, ++newest_[channel]);
      if (segment_) write_segment(channel, end - begin);
      begin = end;
    }
    database_->exec("COMMIT");
  }

  std::uint64_t read(std::size_t channel) {
    const auto id = static_cast<std::int64_t>(channel) + 1;
    const bool one_key = layout_ == Layout::kChannelAndOffset;
    read_->bind(1, one_key ? row_id(id, 0) : id);
    read_->bind(2, one_key ? row_id(id, kMaxOffset) : INT64_MAX);
    std::uint64_t events = 0;
    for (; read_->step(); ++events) benchmark::DoNotOptimize(read_->text(0));
    return events;
  }

 private:
  void insert(std::size_t channel, std::uint64_t offset) {
    const auto id = static_cast<std::int64_t>(channel) + 1;
    int at = 0;
    if (layout_ == Layout::kChannelAndOffset) {
      insert_->bind(++at, row_id(id, offset));
    } else {
      insert_->bind(++at, id);
      insert_->bind(++at, static_cast<std::int64_t>(offset));
    }
    insert_->bind(++at, ++rows_ + 1'700'000'000'000'000);
    insert_->bind(++at, rows_ * 300);
    insert_->bind(++at, std::string_view("trade"));
    insert_->bind(++at, std::string_view("2026-11-20T10:00:00.123456Z"));
    insert_->bind_null(++at);
    insert_->bind_null(++at);
    insert_->bind(++at, data_);
    insert_->run();
  }

  void write_segment(std::size_t channel, std::size_t events) {
    const auto last = static_cast<std::int64_t>(newest_[channel]);
    const auto count = static_cast<std::int64_t>(events);
    segment_->bind(1, static_cast<std::int64_t>(channel) + 1);
    segment_->bind(2, last - count + 1);
    segment_->bind(3, last);
    segment_->bind(4, rows_ - count + 1);
    segment_->run();
  }

  const Layout layout_;
  const std::string data_ = '"' + std::string(110, 'x') + '"';
  const test::ScratchFolder scratch_;
  std::minstd_rand random_;
  std::vector<std::uint64_t> newest_;  // of each channel
  std::vector<std::size_t> batch_;     // the channel of each event
  std::int64_t rows_ = 0;
  std::optional<Database> database_;
  std::optional<Statement> insert_;
  std::optional<Statement> segment_;
  std::optional<Statement> read_;
};

void layout(benchmark::State& state) {
  constexpr std::size_t kEvents = 400'000;
  const auto channels = static_cast<std::size_t>(state.range(1));
  const auto batch = static_cast<std::size_t>(state.range(2));
  double read_seconds = 0;
  std::uint64_t read = 0;
  for ([[maybe_unused]] auto _ : state) {
    File file(static_cast<Layout>(state.range(0)), channels);
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t events = 0; events < kEvents; events += batch) file.commit(batch);
    const auto written = std::chrono::steady_clock::now();
    for (std::size_t channel = 0; channel != channels; ++channel) read += file.read(channel);
    read_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - written).count();
    state.SetIterationTime(std::chrono::duration<double>(written - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kEvents));
  state.counters["read/s"] = static_cast<double>(read) / read_seconds;
}
BENCHMARK(layout)
    ->ArgNames({"layout", "channels", "batch"})
    ->ArgsProduct({{0, 1, 2, 3}, {1, 100, 1'000}, {1'000, 10'000}})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace wskit::server::store
