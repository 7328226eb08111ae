#include "wsbench/publisher.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace wskit::bench {
namespace {

// So much is made before it is written.
constexpr std::size_t kBatchBytes = std::size_t{128} << 10;
constexpr std::uint64_t kDepartures = std::uint64_t{1} << 16;

// How much of a window must be free before it is filled up.
//
// If each completion let one event go, the window would fall into groups that never
// join again: a server that finds 1 event in one turn and 15 in the next makes twice
// the system calls of one that finds 16, and which of the two happens is chance. With
// more than half, the groups join within a turn, and two runs measure the same thing.
// Acknowledgements cost no system calls each; there a quarter keeps the server busy
// while the client works.
std::uint32_t batch_of(std::uint32_t window, bool acknowledged) {
  return acknowledged ? std::max(window / 4, 1U) : window / 2 + 1;
}

}  // namespace

Publisher::Publisher(PublisherPlan plan, std::unique_ptr<EventEncoder> encoder)
    : plan_(std::move(plan)), encoder_(std::move(encoder)) {
  if (plan_.window)
    window_ = std::make_unique<Window>(*plan_.window, batch_of(*plan_.window, plan_.acknowledged));
  if (plan_.acknowledged) departures_ = std::make_unique<Departure[]>(kDepartures);
}

void Publisher::attach(int fd, SecureSocket* tls) {
  tls_ = tls;
  fd_ = fd;
}

void Publisher::probe() { probes_.store(plan_.topology.channels_of(plan_.index), std::memory_order_release); }

void Publisher::start(std::optional<Schedule> schedule) {
  schedule_ = std::move(schedule);
  if (schedule_) next_due_.store(schedule_->next_due(), std::memory_order_release);
  flowing_.store(true, std::memory_order_release);
}

// One total order over both: either pump() finds that nothing flows any more, or this
// finds that it is at work.
void Publisher::stop() {
  flowing_.store(false, std::memory_order_seq_cst);
  while (requests_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
}

void Publisher::pump(Histogram& lag) {
  if (requests_.fetch_add(1, std::memory_order_seq_cst) != 0) return;
  std::uint32_t seen = 1;
  do {
    seen = requests_.load(std::memory_order_acquire);
    work(lag);
  } while (!requests_.compare_exchange_strong(seen, 0, std::memory_order_acq_rel));
}

void Publisher::send_control(std::string_view frame) {
  const std::lock_guard lock(control_mutex_);
  control_.append(frame);
  has_control_.store(true, std::memory_order_release);
}

bool Publisher::received(std::uint64_t sequence, std::uint32_t deliveries) {
  return window_ && window_->received(sequence, deliveries);
}

std::optional<Publisher::Times> Publisher::times_of(std::uint64_t sequence) const {
  if (!departures_) return std::nullopt;
  const Departure& departure = departures_[sequence % kDepartures];
  if (departure.sequence.load(std::memory_order_acquire) != sequence) return std::nullopt;
  return Times{departure.due.load(std::memory_order_relaxed), departure.sent.load(std::memory_order_relaxed)};
}

void Publisher::work(Histogram& lag) {
  if (fd_ < 0) return;
  const Nanos deadline = expire_before_.exchange(0, std::memory_order_acq_rel);
  if (deadline != 0 && window_) window_->expire(deadline);
  while (flush() && encode_some(lag)) {
  }
}

// Writes what is there; true if nothing is left.
bool Publisher::flush() {
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  }
  if (out_.empty() && has_control_.exchange(false, std::memory_order_acq_rel)) {
    const std::lock_guard lock(control_mutex_);
    out_.swap(control_);
  }
  while (written_ < out_.size()) {
    const std::string_view rest = std::string_view(out_).substr(written_);
    const ssize_t sent =
        tls_ != nullptr ? tls_->send(rest) : send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;  // full: the loop says when there is room; broken: the loop says so
    written_ += static_cast<std::size_t>(sent);
  }
  return true;
}

// Makes what may go, up to a batch; false if nothing may.
bool Publisher::encode_some(Histogram& lag) {
  const std::size_t before = out_.size();
  for (std::uint32_t probes = probes_.exchange(0, std::memory_order_acq_rel); probes > 0; --probes) {
    const Nanos sent = now() - plan_.base;
    append(sent, sent);
  }
  if (!flowing_.load(std::memory_order_seq_cst)) return out_.size() > before;
  if (schedule_) {
    while (schedule_->next_due() <= now() && out_.size() < kBatchBytes) {
      const Nanos due = schedule_->next_due() - plan_.base;
      const Nanos sent = now() - plan_.base;
      schedule_->advance();
      lag.record(sent - due);
      append(due, sent);
    }
    next_due_.store(schedule_->next_due(), std::memory_order_release);
  } else {
    // All of it in one write: see Window::room.
    for (std::uint32_t room = window_->room(next_); room > 0; --room) {
      const Nanos sent = now();
      const std::uint32_t channel = plan_.topology.channel_of_event(plan_.index, next_);
      window_->open(next_, plan_.acknowledged ? 1 : plan_.topology.subscribers_of(channel), sent);
      append(sent - plan_.base, sent - plan_.base);
    }
  }
  return out_.size() > before;
}

void Publisher::append(Nanos due, Nanos sent) {
  const std::uint64_t sequence = next_++;
  if (departures_) {
    Departure& departure = departures_[sequence % kDepartures];
    departure.due.store(due, std::memory_order_relaxed);
    departure.sent.store(sent, std::memory_order_relaxed);
    departure.sequence.store(sequence, std::memory_order_release);
  }
  encoder_->append(
      {.run = plan_.run, .publisher = plan_.index, .sequence = sequence, .due = due, .sent = sent}, out_);
  sent_.store(next_, std::memory_order_release);
}

}  // namespace wskit::bench
