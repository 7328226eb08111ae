#include "wsserve/shard.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "wsserve/hub.h"

namespace wskit::server {

Shard::Shard(ServerView& server, const Settings& settings, Hub& hub, Inbox& inbox, std::size_t index)
    : server_(server),
      settings_(settings),
      hub_(hub),
      inbox_(inbox),
      index_(index),
      wheel_(Clock::now()),
      fanout_(hub, index, inbox),
      commands_(*this),
      inflater_(15, false),
      deflater_(15, false),
      now_(Clock::now()),
      receive_buffer_(kReceiveBytes) {}

Shard::~Shard() {
  stop();
  for (Connection* connection : connections_) delete connection;
}

void Shard::start() { thread_ = std::thread(&Shard::run, this); }

void Shard::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  inbox_.post([] {});
  thread_.join();
}

void Shard::adopt(int fd) {
  inbox_.post([this, fd] {
    if (draining_) {
      ::close(fd);
      return;
    }
    auto* connection = new Connection(*this, fd, next_number_++);
    connections_.insert(connection);
    counters_.accepted.add();
    sockets_.store(connections_.size(), std::memory_order_release);
    connection->start();
  });
}

void Shard::quiesce(std::function<void()> quiet) {
  inbox_.post([this, quiet = std::move(quiet)] {
    quiet_ = true;
    quiet();
  });
}

void Shard::drain(std::chrono::milliseconds spread) {
  inbox_.post([this, spread] {
    draining_ = true;
    std::minstd_rand random(std::random_device{}());
    for (Connection* connection : connections_) {
      const auto after = random() % static_cast<unsigned long>(spread.count() + 1);
      connection->drain("reconnect after " + std::to_string(after) + " ms");
    }
  });
}

void Shard::add_listener(int fd, Pollable* listener) {
  if (!poller_.add(fd, EPOLLIN, listener)) throw std::runtime_error("epoll refused a listening socket");
}

void Shard::remove_listener(int fd) { poller_.remove(fd); }

ReceiveTime Shard::receive_time() {
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  return {now, timestamps_.write(now)};
}

std::unique_ptr<Outbound> Shard::take_outbound() {
  if (spare_outbounds_.empty()) return std::make_unique<Outbound>();
  auto outbound = std::move(spare_outbounds_.back());
  spare_outbounds_.pop_back();
  return outbound;
}

void Shard::give_back(std::unique_ptr<Outbound> outbound) {
  if (spare_outbounds_.size() >= kSpareOutbounds) return;
  outbound->shrink();
  spare_outbounds_.push_back(std::move(outbound));
}

void Shard::run() {
  inbox_.owned_by_this_thread();
  if (!poller_.add(inbox_.wake_fd(), EPOLLIN, &inbox_)) throw std::runtime_error("epoll refused the inbox");
  while (!stopping_.load(std::memory_order_acquire)) {
    turn(wait_ms());
  }
}

int Shard::wait_ms() {
  if (inbox_.has_work() || history_left_) return 0;
  const int next_deadline = wheel_.wait_ms(Clock::now());
  // Nobody tells when another shard's inbox has emptied.
  return held_back_.empty() || (next_deadline >= 0 && next_deadline < kLookAgainMs) ? next_deadline
                                                                                    : kLookAgainMs;
}

void Shard::let_publishers_go_on() {
  if (held_back_.empty() || hub_.crowded()) return;
  for (Connection* connection : held_back_) connection->let_go_on();
  held_back_.clear();
}

void Shard::turn(int timeout_ms) {
  poller_.wait(timeout_ms);
  now_ = Clock::now();
  poller_.dispatch();
  wheel_.advance(now_);
  fan_out();
  flush_dirty();
  read_history();
  let_publishers_go_on();
  clean_up();
}

// Behind flush_dirty(): the answer to the subscription goes first.
void Shard::read_history() {
  history_left_ = false;
  std::erase_if(catching_up_, [this](Connection* connection) {
    if (!connection->catch_up()) return true;
    history_left_ = history_left_ || connection->has_room();
    return false;
  });
}

void Shard::fan_out() {
  const std::uint64_t first = inbox_.take(deliveries_, tasks_);
  fanout_.collect(deliveries_, first);
  deliveries_.clear();
  // Publishers do not wait for a large fan-out to know that it was accepted.
  if (fanout_.due() > kSlice) flush_dirty();
  fanout_.flush(kSlice, [this] {
    poller_.wait(0);
    now_ = Clock::now();
    poller_.dispatch();
    flush_dirty();
  });
  // Behind the deliveries that were pushed before them.
  for (const Inbox::Task& task : tasks_) task();
  tasks_.clear();
}

void Shard::flush_dirty() {
  // A flush marks nobody, so the list does not grow under the loop.
  for (Connection* connection : dirty_) connection->flush();
  dirty_.clear();
}

void Shard::clean_up() {
  for (Connection* connection : retired_) connection->drop_subscriptions();
  retired_.clear();
  for (Connection* connection : dead_) {
    connections_.erase(connection);
    std::erase(held_back_, connection);
    delete connection;
  }
  if (!dead_.empty()) sockets_.store(connections_.size(), std::memory_order_release);
  dead_.clear();
  fanout_.tidy();
}

}  // namespace wskit::server
