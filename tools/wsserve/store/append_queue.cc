#include "wsserve/store/append_queue.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace wskit::server::store {
namespace {

// More failures than this are told less exactly: the oldest ones are joined with
// what lies between them, for then an event may be called lost that was stored,
// but never the other way round.
constexpr std::size_t kMaxFailures = 4'096;

// All or, should there be no memory, nothing.
void move_to_end(std::vector<Record>& to, std::vector<Record>& from) {
  static_assert(std::is_nothrow_move_constructible_v<Record>);
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

std::optional<Ticket> AppendQueue::append(Record record) {
  const std::size_t bytes = cost(record);
  const std::lock_guard lock(mutex_);
  // Under the mutex, so that nothing is queued behind what fail() took.
  if (!accepting_.load(std::memory_order_relaxed)) return std::nullopt;
  queue_.push_back(std::move(record));
  queued(bytes);
  return ++last_;
}

std::optional<Ticket> AppendQueue::append(std::vector<Record> records) {
  std::size_t bytes = 0;
  for (const Record& record : records) bytes += cost(record);
  const std::lock_guard lock(mutex_);
  if (!accepting_.load(std::memory_order_relaxed)) return std::nullopt;
  move_to_end(queue_, records);
  queued(bytes);
  return last_ += records.size();
}

void AppendQueue::queued(std::size_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (!writer_waits_) return;
  writer_waits_ = false;
  wake_.notify_one();
}

bool AppendQueue::take(std::vector<Record>& out, std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  writer_waits_ = queue_.empty() && !closed_;
  wake_.wait_until(lock, until, [this] { return !queue_.empty() || closed_; });
  writer_waits_ = false;
  if (queue_.empty()) return !closed_;
  if (out.empty()) {
    out.swap(queue_);
  } else {
    move_to_end(out, queue_);
    queue_.clear();
  }
  return true;
}

void AppendQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_.notify_one();
}

void AppendQueue::settle(std::size_t records, std::size_t bytes) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  settled_.fetch_add(records, std::memory_order_release);
}

void AppendQueue::refuse() noexcept {
  const std::lock_guard lock(mutex_);
  accepting_.store(false, std::memory_order_release);
}

void AppendQueue::fail(std::vector<Record>& taken) {
  const std::lock_guard lock(mutex_);
  accepting_.store(false, std::memory_order_release);
  move_to_end(taken, queue_);
  queue_.clear();
  const Ticket first = settled() + 1;
  if (first > last_) return;  // nothing had waited
  failures_.push_back({first, last_});
  if (failures_.size() > kMaxFailures) {
    failures_[1].first = failures_[0].first;
    failures_.pop_front();
  }
  any_failed_.store(true, std::memory_order_release);
}

void AppendQueue::settle_failed() {
  const std::lock_guard lock(mutex_);
  bytes_.store(0, std::memory_order_relaxed);
  settled_.store(last_, std::memory_order_release);
}

void AppendQueue::accept_again() {
  const std::lock_guard lock(mutex_);
  accepting_.store(true, std::memory_order_release);
}

bool AppendQueue::failed(Ticket ticket) const {
  if (!any_failed_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(mutex_);
  const auto failure =
      std::ranges::lower_bound(failures_, ticket, {}, [](const Failure& each) { return each.last; });
  return failure != failures_.end() && failure->first <= ticket;
}

std::uint64_t AppendQueue::unsettled() const {
  const std::lock_guard lock(mutex_);
  return last_ - settled();
}

}  // namespace wskit::server::store
