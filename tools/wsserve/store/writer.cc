#include "wsserve/store/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <unordered_set>
#include <utility>

namespace wskit::server::store {
namespace {

// What one transaction takes at most, so that nobody waits long for its commit.
constexpr std::size_t kMaxBatchRecords = 16'384;
constexpr std::size_t kMaxBatchBytes = std::size_t{8} << 20;

// Rows deleted with a commit beside as many as it adds, and when nothing else is
// to be done.
constexpr std::uint64_t kRowsDeletedWithACommit = 256;
constexpr std::uint64_t kRowsDeletedAtOnce = 4'096;

// The write-ahead log is written back to the database whenever it has grown by so
// many pages (16 MiB), and begins anew unless somebody reads at that moment. Past
// the second number (64 MiB) readers are waited for, a few milliseconds (database.cc)
// and not often, for events wait meanwhile.
constexpr int kCheckpointPages = 4'096;
constexpr int kMaxLogPages = 16'384;
constexpr std::chrono::milliseconds kBetweenWaits{500};
// After that time it is told that somebody is in the way.
constexpr std::chrono::seconds kBlockedLong{5};

constexpr std::chrono::seconds kRetry{1};
constexpr std::chrono::seconds kSweep{2};
constexpr std::chrono::seconds kLook{1};

}  // namespace

Writer::Writer(Database& database, StoreFile& file, AppendQueue& queue, Trimmer& trimmer,
               std::function<protocol::SystemMicros()> clock)
    : database_(database),
      file_(file),
      queue_(queue),
      trimmer_(trimmer),
      transactions_(database, trimmer),
      clock_(std::move(clock)) {}

Writer::~Writer() { stop(); }

void Writer::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  thread_ = std::thread([this] { run(); });
}

void Writer::stop() {
  if (!thread_.joinable()) return;
  queue_.close();
  thread_.join();
}

void Writer::run() {
  bool open = true;
  while (open) {
    try {
      const auto wake = next_try_ ? *next_try_ : std::min(next_sweep_, next_look_);
      // Old rows are deleted as soon as nothing else is to be done.
      open = queue_.take(taken_, trimmer_.has_work() && !next_try_ ? Clock::now() : wake);
      turn();
    } catch (...) {
      // It goes on when it is taken up again.
      caught("the store's writer");
      queue_.refuse();
      next_try_ = Clock::now() + kRetry;
      taking_back_ = true;
    }
  }
}

void Writer::turn() {
  try {
    // What was under way when something was thrown comes first.
    if (taking_back_) return take_back(reason());
    if (next_try_) {
      if (Clock::now() >= *next_try_) try_again();
    } else {
      write_taken();
      keep_house();
    }
  } catch (const SqlError& error) {
    fail(error.what());
  } catch (...) {
    caught("the store's writer");
    fail("the server failed at writing it");
  }
}

void Writer::caught(const char* where) noexcept {
  if (callbacks_.caught) callbacks_.caught(where);
}

template <class Callback>
void Writer::tell(const char* where, const Callback& callback) noexcept {
  try {
    callback();
  } catch (...) {
    caught(where);
  }
}

void Writer::tell_settled() noexcept {
  tell("telling the shards what is stored", [this] {
    if (callbacks_.settled) callbacks_.settled();
  });
}

// --- Committing ----------------------------------------------------------

void Writer::write_taken() {
  while (committed_ != taken_.size()) {
    cut_batch();
    commit_batch();
    tell_committed();
  }
  taken_.clear();
  committed_ = 0;
}

void Writer::cut_batch() {
  batch_.clear();
  std::size_t bytes = 0;
  std::size_t end = committed_;
  const auto has_room = [&] { return end - committed_ < kMaxBatchRecords && bytes < kMaxBatchBytes; };
  while (end != taken_.size() && (has_room() || taken_[end - 1].with_next)) {
    bytes += AppendQueue::cost(taken_[end++]);
  }
  const auto first = taken_.begin() + static_cast<std::ptrdiff_t>(committed_);
  batch_.assign(std::make_move_iterator(first),
                std::make_move_iterator(taken_.begin() + static_cast<std::ptrdiff_t>(end)));
  committed_ = end;
}

void Writer::commit_batch() {
  const auto begin = Clock::now();
  commit(batch_, kRowsDeletedWithACommit + batch_.size());
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  last_commit_micros_.store(took.count(), std::memory_order_relaxed);
  last_commit_events_.store(batch_.size(), std::memory_order_relaxed);
  commits_.fetch_add(1, std::memory_order_relaxed);
  stored_events_.fetch_add(batch_.size(), std::memory_order_relaxed);
}

void Writer::commit(std::vector<Record>& records, std::uint64_t rows_to_delete) {
  file_.check(database_);
  transactions_.commit(records, rows_to_delete, clock_());
  try {
    file_.confirm(database_);
  } catch (const SqlError&) {
    throw;
  } catch (...) {
    caught("looking at the store's file");  // they are on disk all the same
  }
  next_look_ = Clock::now() + kLook;
}

void Writer::tell_committed() {
  const protocol::SystemMicros now = clock_();
  std::size_t bytes = 0;
  std::optional<SqlError> failure;
  for (std::size_t begin = 0; begin != batch_.size();) {
    StoredChannel& channel = *batch_[begin].channel;
    std::size_t end = begin;
    for (; end != batch_.size() && batch_[end].channel == &channel; ++end) {
      bytes += AppendQueue::cost(batch_[end]);
    }
    try {
      if (!failure) trimmer_.advance(channel, now);
    } catch (const SqlError& error) {
      failure = error;  // these events are on disk all the same
    } catch (...) {
      caught("the limits of a stored channel");
    }
    tell("handing over stored events",
         [&] { batch_[begin].sink->committed(std::span(batch_).subspan(begin, end - begin)); });
    begin = end;
  }
  queue_.settle(batch_.size(), bytes);
  batch_.clear();
  tell_settled();
  tell("noting what was stored", [this] {
    if (const auto trouble = transactions_.take_trouble()) std::rethrow_exception(trouble);
  });
  if (failure) throw SqlError(*failure);
}

// --- Between commits -----------------------------------------------------

void Writer::keep_house() {
  const auto now = Clock::now();
  if (now >= next_sweep_ && !trimmer_.sweep(clock_())) next_sweep_ = now + kSweep;
  if (queue_.bytes() == 0 && trimmer_.has_work()) delete_old_rows();
  if (now >= next_look_) {
    next_look_ = now + kLook;
    file_.check(database_);
  }
  checkpoint();
}

void Writer::delete_old_rows() {
  std::vector<Record> nothing;
  commit(nothing, kRowsDeletedAtOnce);
}

void Writer::checkpoint() {
  const int pages = database_.wal_pages();
  // The log began anew.
  if (pages < checkpointed_pages_) checkpointed_pages_ = 0;
  if (pages < kMaxLogPages) note_log(false);
  if (pages - checkpointed_pages_ < kCheckpointPages && !blocked_since_) return;
  const auto now = Clock::now();
  const bool wait = pages >= kMaxLogPages && now >= next_wait_;
  if (!wait && pages - checkpointed_pages_ < kCheckpointPages) return;
  const Backfill backfill = database_.checkpoint(wait ? Checkpoint::kRestart : Checkpoint::kPassive);
  checkpointed_pages_ = pages;
  if (!wait) return;
  next_wait_ = now + kBetweenWaits;
  note_log(!backfill.complete);
}

void Writer::note_log(bool blocked) {
  const auto now = Clock::now();
  if (blocked && !blocked_since_) {
    blocked_since_ = now;
    blocked_since_ticks_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  if (!blocked && blocked_since_) {
    blocked_since_.reset();
    blocked_since_ticks_.store(0, std::memory_order_relaxed);
    if (std::exchange(told_blocked_, false) && callbacks_.remark) {
      callbacks_.remark("the store's log can begin anew: nobody who reads is in the way any more");
    }
  }
  if (!blocked_since_ || told_blocked_ || now - *blocked_since_ < kBlockedLong) return;
  told_blocked_ = true;
  if (!callbacks_.remark) return;
  callbacks_.remark(fmt::format(
      "the store's log grows ({} MiB now): a program that reads the file holds a transaction open; end it",
      (std::uint64_t{static_cast<unsigned>(database_.wal_pages())} * 4'096) >> 20U));
}

// --- When the file cannot be written -------------------------------------

void Writer::fail(const std::string& reason) {
  const bool was_available = !next_try_;
  next_try_ = Clock::now() + kRetry;
  if (!was_available) return set_reason(reason);
  // From here on, should anything be thrown, take_back() is called again.
  taking_back_ = true;
  queue_.refuse();
  failures_.fetch_add(1, std::memory_order_relaxed);
  trials_.store(0, std::memory_order_relaxed);
  set_reason(reason);
  take_back(reason);
}

// The batch that failed, what was taken with it, and what has queued since.
void Writer::take_back(const std::string& reason) {
  lost_.insert(lost_.end(), std::make_move_iterator(batch_.begin()), std::make_move_iterator(batch_.end()));
  batch_.clear();
  lost_.insert(lost_.end(), std::make_move_iterator(taken_.begin() + static_cast<std::ptrdiff_t>(committed_)),
               std::make_move_iterator(taken_.end()));
  taken_.clear();
  committed_ = 0;
  queue_.fail(lost_);
  failed_events_.fetch_add(lost_.size(), std::memory_order_relaxed);
  std::unordered_set<const Sink*> told;
  for (const Record& record : lost_) {
    bool is_new = true;
    try {
      is_new = told.insert(record.sink).second;
    } catch (const std::bad_alloc&) {
      // It is told more than once then, which changes nothing.
    }
    if (is_new) tell("taking back events that were not stored", [&] { record.sink->rolled_back(); });
  }
  lost_.clear();
  queue_.settle_failed();
  taking_back_ = false;
  tell("telling that the store has failed", [&] {
    if (callbacks_.availability) callbacks_.availability(false, reason);
  });
  tell_settled();
}

void Writer::try_again() {
  next_try_ = Clock::now() + kRetry;
  trials_.fetch_add(1, std::memory_order_relaxed);
  file_.check(database_);
  transactions_.probe();
  file_.confirm(database_);
  checkpointed_pages_ = 0;  // a checkpoint may be what had failed
  checkpoint();
  next_try_.reset();
  set_reason("");
  queue_.accept_again();
  tell("telling that the store is back", [this] {
    if (callbacks_.availability) callbacks_.availability(true, "");
  });
  tell_settled();
}

void Writer::set_reason(std::string reason) {
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
}

std::string Writer::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void Writer::add_figures(Status& status) const {
  status.failures = failures_.load(std::memory_order_relaxed);
  status.trials = trials_.load(std::memory_order_relaxed);
  status.commits = commits_.load(std::memory_order_relaxed);
  status.stored_events = stored_events_.load(std::memory_order_relaxed);
  status.failed_events = failed_events_.load(std::memory_order_relaxed);
  status.last_commit = std::chrono::microseconds(last_commit_micros_.load(std::memory_order_relaxed));
  status.last_commit_events = last_commit_events_.load(std::memory_order_relaxed);
  if (const auto since = blocked_since_ticks_.load(std::memory_order_relaxed); since != 0) {
    status.log_blocked = std::chrono::duration_cast<std::chrono::microseconds>(
        Clock::now() - Clock::time_point(Clock::duration(since)));
  }
  const std::lock_guard lock(mutex_);
  status.reason = reason_;
}

}  // namespace wskit::server::store
