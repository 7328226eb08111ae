#include "wsserve/loop/inbox.h"

#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace wskit::server {
namespace {

// The inbox that the running thread empties; null on threads without one.
thread_local const Inbox* own_inbox = nullptr;

}  // namespace

Inbox::Inbox() : event_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Inbox::~Inbox() {
  if (own_inbox == this) own_inbox = nullptr;
  ::close(event_fd_);
}

void Inbox::owned_by_this_thread() { own_inbox = this; }

void Inbox::push(Channel& channel, ChunkPtr frame) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = frame->size();
  add(channel, std::move(frame), bytes);
}

void Inbox::push_break(Channel& channel) noexcept {
  const std::lock_guard lock(mutex_);
  add(channel, nullptr, 0);
}

void Inbox::add(Channel& channel, ChunkPtr frame, std::size_t bytes) noexcept {
  try {
    // Growing doubles the room, which may be more than there is.
    constexpr std::size_t kFew = 64;
    try {
      if (deliveries_.size() == deliveries_.capacity()) deliveries_.reserve(2 * deliveries_.size() + kFew);
    } catch (const std::bad_alloc&) {
      deliveries_.reserve(deliveries_.size() + kFew);
    }
    waiting_bytes_.store(waiting_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    deliveries_.push_back({&channel, std::move(frame)});
    ++pushed_;
  } catch (...) {
    lost_ |= kDeliveries;
  }
  wake();
}

void Inbox::lose_answer() noexcept {
  const std::lock_guard lock(mutex_);
  lost_ |= kAnswers;
  wake();
}

void Inbox::nudge() noexcept {
  const std::lock_guard lock(mutex_);
  wake();
}

void Inbox::post(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  wake();
}

std::uint64_t Inbox::pushed() const {
  const std::lock_guard lock(mutex_);
  return pushed_;
}

std::uint64_t Inbox::take(std::vector<Delivery>& deliveries, std::vector<Task>& tasks,
                          std::uint8_t* lost) noexcept {
  const std::lock_guard lock(mutex_);
  if (lost != nullptr) *lost = std::exchange(lost_, std::uint8_t{0});
  deliveries.swap(deliveries_);
  tasks.swap(tasks_);
  woken_ = false;
  waiting_bytes_.store(0, std::memory_order_relaxed);
  return pushed_ - deliveries.size() + 1;
}

void Inbox::look(const std::function<void(std::uint64_t, const Channel&)>& see) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t number = pushed_ - deliveries_.size();
  for (const Delivery& delivery : deliveries_) {
    ++number;
    if (delivery.frame != nullptr) see(number, *delivery.channel);
  }
}

bool Inbox::has_work() const {
  const std::lock_guard lock(mutex_);
  return !deliveries_.empty() || !tasks_.empty() || lost_ != 0;
}

void Inbox::on_ready(std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(event_fd_, &count, sizeof(count));
}

void Inbox::wake() {
  if (woken_ || own_inbox == this) return;
  woken_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof(one));
}

}  // namespace wskit::server
