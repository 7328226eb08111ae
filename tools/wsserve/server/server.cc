#include "wsserve/server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <latch>
#include <stdexcept>

#include "common/protocol/command.h"
#include "common/protocol/timestamp.h"
#include "common/version.h"
#include "wsserve/audit/audit_log.h"
#include "wsserve/frame/chunk_memory.h"
#include "wsserve/log/server_log.h"
#include "wsserve/status/metrics.h"

namespace wskit::server {
namespace {

// Clients that come back do so over this time: about 1,000 handshakes a second.
std::chrono::milliseconds reconnect_spread(std::size_t connections) {
  return std::chrono::milliseconds(std::clamp<std::size_t>(connections, 500, 60'000));
}

// In seconds since 1970; 0: no TLS.
std::int64_t expiry_of(const TlsContextPtr& tls) {
  return tls == nullptr ? 0 : std::chrono::system_clock::to_time_t(tls->expires());
}

}  // namespace

Server::Server(Settings settings, std::size_t shards, std::vector<std::unique_ptr<Listener>> listeners,
               std::unique_ptr<broker::Broker> broker)
    : settings_(std::make_shared<const Settings>(std::move(settings))),
      certificate_expires_(expiry_of(settings_->tls)),
      max_connections_(settings_->max_connections),
      identity_{.server = "wskit/" WSKIT_VERSION, .node = random_token(6), .started = Clock::now()},
      broker_(std::move(broker)),
      listeners_(std::move(listeners)) {
  for (std::size_t i = 0; i < shards; ++i) inboxes_.push_back(std::make_unique<Inbox>());
  hub_ = std::make_unique<Hub>(inboxes_, settings_->hub, settings_->channels, *broker_);
  people_ = std::make_unique<people::People>(*hub_);
  std::vector<cluster::Member*> members;
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(*this, settings_, *hub_, *inboxes_[i], i));
    members.push_back(&shards_.back()->member());
  }
  bus_ = std::make_unique<cluster::LocalBus>(std::move(members));
}

Server::~Server() { stop(); }

void Server::stop() {
  for (const auto& shard : shards_) shard->stop();
  // Its threads know channels and inboxes.
  broker_->stop();
}

void Server::start(std::function<void(const std::string& problem)> health_changed,
                   std::function<void(const std::string& line)> remark) {
  broker_->start({.settled =
                      [this] {
                        for (const auto& shard : shards_) shard->events_settled();
                      },
                  .health_changed = std::move(health_changed),
                  .remark = std::move(remark),
                  .caught = [this](const char* where) { incidents_.caught(where); }});
  Shard& acceptor = *shards_.front();
  for (const auto& listener : listeners_) {
    listener->on_accept([this](int fd, const PeerAddress& peer) { take_in(OwnedFd(fd), peer); });
    listener->on_refuse([this, &acceptor] {
      acceptor.host().counters.refused.add();
      if (log_ != nullptr)
        log_->trouble(Trouble::kConnectionLimit, "there is no descriptor left: raise ulimit -n");
    });
    acceptor.add_listener(listener->fd(), listener.get());
  }
  for (const auto& shard : shards_) shard->start();
}

void Server::take_in(OwnedFd socket, const PeerAddress& peer) {
  Host& acceptor = shards_.front()->host();
  acceptor.guard("taking in a connection", [&] {
    Admission::Arrival arrival = admission_.arrive(acceptor.settings->limits, peer, Clock::now());
    if (arrival.dropped) {
      acceptor.counters.dropped_connections.add();
      if (log_ != nullptr) log_->trouble(Trouble::kConnectionLimit, peer.to_string());
      return;
    }
    shards_[next_shard_]->adopt(socket.get(), peer, std::move(arrival.admission_state));
    (void)socket.release();
    next_shard_ = (next_shard_ + 1) % shards_.size();
  });
}

void Server::drain() {
  draining_.store(true, std::memory_order_relaxed);
  shards_.front()->post([this] {
    for (const auto& listener : listeners_) {
      shards_.front()->remove_listener(listener->fd());
      listener->close();
    }
  });
  // Nobody's subscribers leave before the last event is accepted anywhere: what
  // was acknowledged is also delivered.
  loud_shards_.store(shards_.size());
  const auto spread = reconnect_spread(websockets());
  for (const auto& shard : shards_) {
    shard->quiesce([this, spread] {
      if (loud_shards_.fetch_sub(1) > 1) return;
      for (const auto& each : shards_) each->drain(spread);
    });
  }
}

std::size_t Server::reload(Settings settings) {
  settings_ = std::make_shared<const Settings>(std::move(settings));
  max_connections_.store(settings_->max_connections, std::memory_order_relaxed);
  certificate_expires_.store(expiry_of(settings_->tls), std::memory_order_relaxed);
  const std::size_t unchanged = hub_->reload(settings_->hub, settings_->channels, protocol::system_now());
  on_every_shard([this](Shard& shard) { shard.take_up(settings_); });
  return unchanged;
}

void Server::on_every_shard(const std::function<void(Shard&)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(shards_.size()));
  std::atomic<bool> failed{false};
  for (const auto& shard : shards_) {
    try {
      shard->post([&] {
        if (!shard->host().guard("what every shard is to do", [&] { task(*shard); })) failed = true;
        done.count_down();
      });
    } catch (...) {
      incidents_.caught("telling a shard what to do");
      failed = true;
      done.count_down();
    }
  }
  done.wait();
  if (failed) throw std::runtime_error("a shard could not do what every shard is to do");
}

void Server::look_at_log() {
  if (log_ != nullptr) log_->look(sum(shard_counters(), &ShardCounters::accepted));
}

std::vector<std::string> Server::clock_jumps() {
  std::vector<std::string> lines;
  for (const std::chrono::microseconds by : hub_->ages().take_jumps()) {
    lines.push_back(fmt::format(
        "the machine's clock was set {} by {:.1f} s; nothing is deleted for it: ages go on evenly",
        by.count() > 0 ? "forward" : "back", std::abs(std::chrono::duration<double>(by).count())));
  }
  return lines;
}

void Server::tidy() {
  admission_.sweep(Clock::now());
  const std::vector<Channel*> idle = hub_->expire(protocol::system_now());
  // What this thread has just let go of was theirs.
  for (const auto& shard : shards_) shard->post(&chunk_memory::collect);
  if (idle.empty()) return;
  on_every_shard([&idle](Shard& shard) {
    shard.commands().let_go_of(idle);
    shard.host().fanout.let_go_of(idle);
  });
  // The turn in which it let go is over: no event of that turn refers to them.
  on_every_shard([](Shard&) {});
  hub_->forget(protocol::system_now());
}

void Server::tell_stats() {
  constexpr std::string_view kName = "@server/stats";
  if (!hub_->is_heard(kName)) return;
  Channel* channel = hub_->find_or_create(kName);
  if (channel == nullptr) return;
  const std::string data = stats(auth::Identity{});
  const protocol::SystemMicros now = protocol::system_now();
  protocol::TimestampWriter writer;
  protocol::PublishEvent event;
  event.channel = channel->name();
  event.type = "stats";
  event.data = data;
  channel->publish(event, {.at = now, .text = writer.write(now)});
}

void Server::ask_all(std::function<void()> answered) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(shards_.size());
  const auto shared = std::make_shared<const std::function<void()>>(std::move(answered));
  for (const auto& shard : shards_) {
    shard->post([left, shared] {
      if (left->fetch_sub(1) == 1) (*shared)();
    });
  }
}

bool Server::drained() const {
  return std::ranges::all_of(shards_, [](const auto& shard) { return shard->sockets() == 0; });
}

std::vector<const ShardCounters*> Server::shard_counters() const {
  std::vector<const ShardCounters*> counters;
  for (const auto& shard : shards_) counters.push_back(&std::as_const(*shard).counters());
  return counters;
}

HubFigures Server::hub_figures() const {
  const MemoryBudget& histories = hub_->histories();
  const MemoryBudget& dedup_ids = hub_->dedup_ids();
  return {.channels = hub_->channel_count(),
          .channels_forgotten = hub_->forgotten(),
          .history_bytes = histories.bytes(),
          .history_max_bytes = histories.max_bytes(),
          .history_evicted = histories.evicted(),
          .dedup_bytes = dedup_ids.bytes(),
          .dedup_max_bytes = dedup_ids.max_bytes(),
          .dedup_evicted = dedup_ids.evicted()};
}

std::string Server::stats(const auth::Identity& asking) const {
  const auto store = broker_->figures();
  UserFigures users{.users = people_->users(), .connections = {}};
  if (asking.grants.admin) {
    users.connections = people_->connections_by_user();
  } else if (const std::size_t own = people_->connections_of(asking.user); own > 0) {
    users.connections.emplace(asking.user, own);
  }
  return stats_json(identity_, shard_counters(), hub_figures(), store ? &*store : nullptr, users,
                    incidents_.total());
}

std::string Server::metrics() const {
  const auto counters = shard_counters();
  return metrics_text({.shards = counters,
                       .hub = hub_figures(),
                       .store = broker_->figures(),
                       .process = read_process_figures(),
                       .audit_lost = audit_ == nullptr ? 0 : audit_->lost(),
                       .log_lost = log_ == nullptr ? 0 : log_->lost(),
                       .exceptions = incidents_.total(),
                       .draining = draining(),
                       .certificate_expires = certificate_expires_.load(std::memory_order_relaxed)});
}

std::string Server::store_problem() const {
  if (broker_->is_available()) return {};
  return broker_->health().problem;
}

std::size_t Server::subscriptions() const {
  std::uint64_t subscriptions = 0;
  for (const auto& shard : shards_) subscriptions += std::as_const(*shard).counters().subscriptions.get();
  return subscriptions;
}

std::string Server::store_damage() const { return broker_->health().damage; }

bool Server::admit() {
  return websockets_.fetch_add(1, std::memory_order_relaxed) <
         max_connections_.load(std::memory_order_relaxed);
}

}  // namespace wskit::server
