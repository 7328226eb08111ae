#include "wsserve/command/history_query.h"

#include <fmt/format.h>

#include <memory>

#include "wsserve/channel/hub.h"
#include "wsserve/command/command_host.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/peer.h"

namespace wskit::server {
namespace {

protocol::Error unreadable(const std::string& why) {
  return {protocol::ErrorCode::kUnavailable, "the store cannot be read now: " + why, {}};
}

}  // namespace

void HistoryQuery::come_back(std::uint64_t connection, std::function<void()> then) {
  host_.inbox.post([this, connection, then = std::move(then)] {
    Connection* asking = host_.find(connection);
    if (asking == nullptr || !asking->is_suspended()) return;
    host_.guard(*asking, "an answer out of the store", [&] { asking->resume(then); });
  });
}

// On the reader's thread: where what is thrown keeps the answer from coming, whoever waits
// for one learns that.
template <class Arrived>
auto HistoryQuery::or_lost(Arrived arrived) {
  return [this, arrived = std::move(arrived)](auto part) mutable {
    try {
      arrived(std::move(part));
    } catch (...) {
      host_.inbox.lose_answer();
      throw;
    }
  };
}

// --- Where a time is ---------------------------------------------------------

// Filled on the reader's thread, one answer after the other.
struct HistoryQuery::Locating {
  protocol::FromPositions since;
  std::size_t left = 0;
  std::string error;
};

void HistoryQuery::locate(Connection& connection, const std::vector<Channel*>& channels,
                          const protocol::Since& since, const Located& then) {
  const auto locating = std::make_shared<Locating>();
  if (const auto* positions = std::get_if<protocol::FromPositions>(&since)) locating->since = *positions;
  std::vector<std::pair<Channel*, protocol::SystemMicros>> beyond;
  for (Channel* channel : channels) {
    if (const auto time = channel->beyond_memory(since)) beyond.emplace_back(channel, *time);
  }
  if (beyond.empty()) return then(since);
  locating->since.time = beyond.front().second;
  locating->left = beyond.size();
  connection.suspend();
  for (const auto& [channel, time] : beyond) {
    const auto arrived = [this, locating, then, name = channel->name(), epoch = std::string(channel->epoch()),
                          connection = connection.number()](broker::Located located) {
      if (!located.error.empty()) locating->error = located.error;
      // Behind nothing there is a hole that shows.
      locating->since.positions[name] = {.offset = located.whole ? located.after : 0, .epoch = epoch};
      if (--locating->left > 0) return;
      come_back(connection, [locating, then] {
        if (!locating->error.empty()) return then(unreadable(locating->error));
        then(protocol::Since(locating->since));
      });
    };
    channel->log().locate(time, or_lost(arrived));
  }
}

// --- Pages -------------------------------------------------------------------

// A page that is read from the store, part by part where some of it is damaged.
struct HistoryQuery::Reading {
  HistoryPage page;
  std::uint64_t left = 0;  // events that there are for it
  std::size_t limit = 0;
  std::size_t max_bytes = 0;
  std::size_t bytes = 0;
};

void HistoryQuery::page(Connection& connection, Channel& channel, const protocol::Since& since,
                        std::size_t limit, std::size_t max_bytes, const Paged& then) {
  locate(connection, {&channel}, since,
         [this, &connection, &channel, limit, max_bytes,
          then](const protocol::Result<protocol::Since>& located) {
           if (!located) return then(located.error());
           read_page(connection, channel, *located, limit, max_bytes, then);
         });
}

void HistoryQuery::read_page(Connection& connection, Channel& channel, const protocol::Since& since,
                             std::size_t limit, std::size_t max_bytes, const Paged& then) {
  HistoryPage page;
  const ReplayStart start = channel.begin_replay(since, max_bytes, page.frames);
  page.offset = start.newest.offset;
  page.epoch = start.newest.epoch;
  page.oldest = start.oldest;
  page.recovered = start.recovered;
  if (!start.in_store) {
    page.cut(limit, start.replayed);
    return then(page);
  }
  const auto reading = std::make_shared<Reading>();
  *reading = {.page = std::move(page), .left = start.replayed, .limit = limit, .max_bytes = max_bytes};
  read_stored(connection, channel, start.after, reading, then);
}

void HistoryQuery::read_stored(Connection& connection, Channel& channel, std::uint64_t after,
                               const std::shared_ptr<Reading>& reading, const Paged& then) {
  connection.suspend();
  const std::uint64_t newest = reading->page.offset;
  const std::uint64_t up_to =
      std::min<std::uint64_t>(after + (reading->limit - reading->page.frames.size()), newest);
  channel.log().read(after, up_to, reading->max_bytes,
                     or_lost([this, &channel, after, reading, then, &connection,
                              number = connection.number()](broker::Part part) {
                       come_back(number, [this, &connection, &channel, after, reading, then,
                                          part = std::move(part)]() mutable {
                         if (!part.error.empty()) return then(unreadable(part.error));
                         HistoryPage& page = reading->page;
                         // Let go of while it was asked for, or not in the file as it should be.
                         if (part.gap || part.lost_up_to != 0) page.recovered = false;
                         const std::uint64_t passed = part.lost_up_to == 0 ? 0 : part.lost_up_to - after;
                         const std::uint64_t reached = after + passed + part.frames.size();
                         reading->left -= std::min(reading->left, passed);
                         for (ChunkPtr& frame : part.frames) {
                           reading->bytes += frame->size();
                           page.frames.push_back(std::move(frame));
                         }
                         // Whatever is damaged, a page is as full as it can be.
                         if (!part.gap && reached < page.offset && page.frames.size() < reading->limit &&
                             reading->bytes <= reading->max_bytes) {
                           return read_stored(connection, channel, reached, reading, then);
                         }
                         page.cut(reading->limit, reading->left);
                         then(page);
                       });
                     }));
}

void HistoryQuery::read_on(Peer& peer, Channel& channel, std::uint64_t after, std::uint64_t newest,
                           std::size_t max_bytes) {
  channel.log().read(after, newest, max_bytes,
                     or_lost([this, &channel, number = peer.client().number()](broker::Part part) {
                       host_.inbox.post([this, &channel, number, part = std::move(part)]() mutable {
                         Connection* asking = host_.find(number);
                         if (asking == nullptr || asking->peer() == nullptr) return;
                         host_.guard(*asking, "a part of a history out of the store",
                                     [&] { asking->peer()->history_arrived(channel, std::move(part)); });
                       });
                     }));
}

}  // namespace wskit::server
