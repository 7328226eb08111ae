#include "wsserve/server/shard.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "wsserve/channel/hub.h"
#include "wsserve/connection/peer.h"

namespace wskit::server {
namespace {

// After so many turns in a row that failed as a whole, a millisecond apart, nothing more
// is to be hoped for.
constexpr std::size_t kMaxFailedTurns = 1'000;

// Ends the process as what it is, a server that cannot go on, and says so, which takes no
// memory.
[[noreturn]] void give_up() {
  constexpr std::string_view kLine =
      "wsserve: a shard cannot go on, and ends the server: what the log says was caught came again and "
      "again\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(70);
}

}  // namespace

Shard::Shard(ServerView& server, SettingsPtr settings, Hub& hub, Inbox& inbox, std::size_t index)
    : inbox_(inbox),
      wheel_(Clock::now()),
      fanout_(hub, index, inbox),
      clock_(hub.ages()),
      inflater_(15, false),
      deflater_(15, false),
      receive_buffer_(kReceiveBytes),
      commands_(host_),
      host_{{.settings = std::move(settings),
             .now = Clock::now(),
             .index = index,
             .server = server,
             .hub = hub,
             .poller = poller_,
             .wheel = wheel_,
             .fanout = fanout_,
             .commands = commands_,
             .agenda = *this,
             .outbounds = outbounds_,
             .clock = clock_,
             .inflater = inflater_,
             .deflater = deflater_,
             .receive_buffer = receive_buffer_},
            inbox_,
            connections_,
            commands_.presence()} {
  note_message_limits(host_.settings->message_limits);
  if (!poller_.add(inbox_.wake_fd(), EPOLLIN, &inbox_)) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

Shard::~Shard() {
  stop();
  for (const auto& [number, connection] : connections_) delete connection;
}

void Shard::start() { thread_ = std::thread(&Shard::run, this); }

bool Shard::step() {
  inbox_.owned_by_this_thread();
  host_.guard("a shard's turn", [this] { turn(0); });
  return wait_ms() == 0;
}

void Shard::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  inbox_.nudge();
  thread_.join();
}

void Shard::take_up(SettingsPtr settings) {
  note_message_limits(settings->message_limits);
  host_.settings = std::move(settings);
  fanout_.look_at_delivery();
  for (const auto& [number, each] : connections_) {
    Connection& connection = *each;
    host_.guard(connection, "the limits of a reload", [&connection] { connection.apply_limits(); });
  }
}

void Shard::note_message_limits(const websocket::ReaderLimits& current) {
  const auto known = std::ranges::find(message_limits_, current);
  if (known == message_limits_.end()) {
    message_limits_.push_front(current);
  } else {
    message_limits_.splice(message_limits_.begin(), message_limits_, known);
  }
  host_.message_limits = &message_limits_.front();
}

void Shard::adopt(int fd, const PeerAddress& peer, AdmissionStatePtr admission_state) {
  inbox_.post(
      [this, fd, peer, admission_state = std::move(admission_state)] { take_in(fd, peer, admission_state); });
}

void Shard::take_in(int fd, const PeerAddress& peer, AdmissionStatePtr admission_state) {
  OwnedFd socket(fd);
  if (host_.draining) return;
  const std::uint64_t number = next_number_++;
  auto made =
      std::make_unique<Connection>(host_, std::move(socket), peer, number, std::move(admission_state));
  connections_.emplace(number, made.get());
  Connection& connection = *made.release();
  host_.counters.accepted.add();
  sockets_.store(connections_.size(), std::memory_order_release);
  host_.guard(connection, "the start of a connection", [&] { connection.start(); });
}

void Shard::quiesce(std::function<void()> quiet) {
  inbox_.post([this, quiet = std::move(quiet)]() mutable {
    host_.quiet = true;
    when_quiet_ = std::move(quiet);
  });
}

void Shard::drain(std::chrono::milliseconds spread) {
  inbox_.post([this, spread] {
    host_.draining = true;
    std::minstd_rand random(std::random_device{}());
    for (const auto& [number, each] : connections_) {
      Connection& connection = *each;
      const std::chrono::milliseconds after(random() % static_cast<unsigned long>(spread.count() + 1));
      host_.guard(connection, "the farewell of a drain", [&connection, after] { connection.drain(after); });
    }
  });
}

void Shard::events_settled() {
  if (awaits_settled_.load(std::memory_order_seq_cst)) inbox_.nudge();
}

void Shard::add_listener(int fd, Pollable* listener) {
  if (!poller_.add(fd, EPOLLIN, listener)) throw std::runtime_error("epoll refused a listening socket");
}

void Shard::remove_listener(int fd) { poller_.remove(fd); }

void Shard::run() {
  inbox_.owned_by_this_thread();
  while (!stopping_.load(std::memory_order_acquire)) {
    if (host_.guard("a shard's turn", [this] { turn(wait_ms()); })) {
      failed_turns_ = 0;
      continue;
    }
    if (++failed_turns_ == kMaxFailedTurns) give_up();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  host_.guard("a shard's end", [this] { cut_off(); });
}

void Shard::after_turn(Connection& connection, Due due) {
  switch (due) {
    case Due::kFlush:
      return dirty_.push_back(&connection);
    case Due::kPinged:
      return pinged_.push_back(&connection);
    case Due::kRecover:
      return recovering_.push_back(&connection);
    case Due::kResumeReading:
      return paused_.push_back(&connection);
    case Due::kSettle:
      return awaiting_.push_back(&connection);
    case Due::kDropSubscriptions:
      return note_end(retired_, connection);
    case Due::kDestroy:
      return note_end(dead_, connection);
  }
}

void Shard::note_end(std::vector<Connection*>& list, Connection& connection) noexcept {
  try {
    list.push_back(&connection);
  } catch (...) {
    any_ended_ = true;
  }
}

void Shard::look_for_ended() {
  retired_.reserve(connections_.size());
  dead_.reserve(connections_.size());
  any_ended_ = false;
  retired_.clear();
  dead_.clear();
  for (const auto& [number, connection] : connections_) {
    if (connection->is_dead()) dead_.push_back(connection);
    if (connection->has_left()) retired_.push_back(connection);
  }
}

void Shard::end_losers(std::uint8_t lost) noexcept {
  if (lost == 0) return;
  try {
    throw std::bad_alloc();
  } catch (...) {
    host_.caught("handing something to another shard");
    if ((lost & Inbox::kDeliveries) != 0) fanout_.fail_all();
    if ((lost & Inbox::kAnswers) == 0) return;
    for (const auto& [number, connection] : connections_) {
      if (connection->awaits_answer()) connection->fail();
    }
  }
}

void Shard::cut_off() {
  for (const auto& [number, connection] : connections_) connection->abort("the server stopped");
  clean_up();
}

int Shard::wait_ms() {
  if (inbox_.has_work() || history_left_ || fanout_.has_work()) return 0;
  const int next_deadline = wheel_.wait_ms(Clock::now());
  // Nobody tells when another shard's inbox has emptied.
  return paused_.empty() || (next_deadline >= 0 && next_deadline < kLookAgainMs) ? next_deadline
                                                                                 : kLookAgainMs;
}

void Shard::resume_publishers() {
  if (paused_.empty() || host_.hub.crowded()) return;
  for (Connection* connection : paused_) connection->resume_reading();
  paused_.clear();
}

void Shard::turn(int timeout_ms) {
  poller_.wait(timeout_ms);
  host_.now = Clock::now();
  poller_.dispatch();
  wheel_.advance(host_.now);
  host_.guard("letting go of watched channels", [this] { commands_.presence().stop_watching(); });
  fan_out();
  settle();
  flush_dirty();
  read_history();
  // What that put in a queue: a stream's position, a farewell.
  flush_dirty();
  resume_publishers();
  clean_up();
}

void Shard::settle() {
  if (awaiting_.empty() && !when_quiet_) return;
  if (settle_once()) return awaits_settled_.store(false, std::memory_order_relaxed);
  // What was settled before the writer could see that somebody waits is looked
  // for once more; of what is settled afterwards it tells.
  awaits_settled_.store(true, std::memory_order_seq_cst);
  if (settle_once()) awaits_settled_.store(false, std::memory_order_relaxed);
}

// Whether nothing waits any more.
bool Shard::settle_once() {
  const broker::Broker& broker = host_.hub.broker();
  // What follows an answer may have to wait as well, and then stands behind these.
  const std::size_t count = awaiting_.size();
  std::size_t left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Connection& connection = *awaiting_[i];
    bool settled = true;
    host_.guard(connection, "an answer that waited for the store",
                [&] { settled = connection.settle(broker); });
    if (!settled) awaiting_[left++] = &connection;
  }
  awaiting_.erase(awaiting_.begin() + static_cast<std::ptrdiff_t>(left),
                  awaiting_.begin() + static_cast<std::ptrdiff_t>(count));
  if (when_quiet_ && broker.settled() >= host_.newest_ticket) {
    std::exchange(when_quiet_, nullptr)();
  }
  return awaiting_.empty() && !when_quiet_;
}

// Behind flush_dirty(): the answer to the subscription goes first.
void Shard::read_history() {
  history_left_ = false;
  std::erase_if(recovering_, [this](Connection* connection) {
    bool done = true;
    host_.guard(*connection, "the replay of a history", [&] { done = !connection->peer()->recover(); });
    if (done) return true;
    history_left_ = history_left_ || connection->peer()->can_recover();
    return false;
  });
}

void Shard::fan_out() {
  std::uint8_t lost = 0;
  const std::uint64_t first = inbox_.take(deliveries_, tasks_, &lost);
  end_losers(lost);
  fanout_.collect(deliveries_, first);
  deliveries_.clear();
  // Publishers do not wait for a large fan-out to know that it was accepted.
  if (fanout_.due() > kSlice) flush_dirty();
  fanout_.flush(kSlice, [this] {
    poller_.wait(0);
    host_.now = Clock::now();
    poller_.dispatch();
    flush_dirty();
  });
  // Behind the deliveries that were pushed before them.
  for (const Inbox::Task& task : tasks_) host_.guard("a shard's task", task);
  tasks_.clear();
}

void Shard::flush_dirty() {
  // A flush marks nobody but who fails at it, and has the farewell to write.
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    host_.guard(*dirty_[i], "writing to a connection", [&] { dirty_[i]->flush(); });
  }
  dirty_.clear();
  if (pinged_.empty()) return;
  // Not the time of the turn, which may have been a long one.
  const auto written = Clock::now();
  for (Connection* connection : pinged_) connection->was_pinged(written);
  pinged_.clear();
}

// A connection may end at any moment of the turn, and be in any list by then.
void Shard::let_go_of_dead() {
  for (auto* list : {&dirty_, &pinged_, &recovering_, &paused_, &awaiting_}) {
    std::erase_if(*list, [](const Connection* connection) { return connection->is_dead(); });
  }
}

void Shard::clean_up() {
  if (any_ended_) look_for_ended();
  for (Connection* connection : retired_) connection->peer()->drop_subscriptions();
  retired_.clear();
  if (!dead_.empty()) let_go_of_dead();
  for (Connection* connection : dead_) {
    connections_.erase(connection->number());
    delete connection;
  }
  if (!dead_.empty()) sockets_.store(connections_.size(), std::memory_order_release);
  dead_.clear();
  host_.guard("telling who has come and left", [this] { commands_.presence().end_turn(); });
  host_.guard("tidying the fan-out", [this] { fanout_.tidy(); });
}

}  // namespace wskit::server
