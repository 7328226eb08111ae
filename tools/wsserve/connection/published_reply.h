// The reply to one publish command or request: values that wait until the broker has settled
// the events, and the text that is made of them then.
//
// Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"
#include "common/protocol/reply.h"
#include "wsserve/broker/broker.h"

namespace wskit::server {

struct PublishedReply {
  struct Event {
    std::uint64_t offset = 0;   // 0: the broker tells it with the ticket
    broker::Ticket ticket = 0;  // 0: the event does not wait
    std::uint32_t channel_bytes = 0;
    std::uint32_t epoch_bytes = 0;
    bool duplicate = false;  // then the ticket is that of the first one, or of one behind it
    bool refused = false;    // the broker did not take it
  };

  // `published`: all events of the command, in their order.
  PublishedReply(std::string_view command_id, std::string_view acknowledged_at, bool is_batch,
                 std::span<const protocol::Published> published);

  [[nodiscard]] bool is_settled(broker::Ticket settled) const;

  std::vector<Event> events;
  std::string names;      // the channel and the epoch of each event, for its channel may end before
  std::string id;         // of the command; empty: no reply is wanted but to a failure
  std::string timestamp;  // when the command was received
  bool batch;             // the data is an array
};

// What became of the events of a reply. REQUIRES: all are settled; the reply outlives this.
class SettledReply {
 public:
  // `outcome`: of a ticket that is settled.
  SettledReply(const PublishedReply& reply,
               const std::function<broker::Outcome(broker::Ticket ticket)>& outcome);

  // Of the command; empty: no reply is wanted but to a failure.
  [[nodiscard]] const std::string& id() const { return reply_.id; }
  // How many of the events that were not settled at once are not accepted.
  [[nodiscard]] std::size_t lost() const { return lost_; }
  // How many of those lost were not known to be another one's duplicate.
  [[nodiscard]] std::size_t lost_first() const { return lost_first_; }
  // How many turned out to be duplicates, which nobody knew when they were appended.
  [[nodiscard]] std::size_t late_duplicates() const { return late_duplicates_; }

  // What the publisher is told if some are lost.
  [[nodiscard]] protocol::Error not_stored() const;
  // The reply, and its data alone. REQUIRES: none is lost.
  void append_to(std::string& text) const;
  void append_data_to(std::string& text) const;

 private:
  const PublishedReply& reply_;
  std::vector<protocol::Published> published_;
  std::vector<std::string> epochs_;  // that the broker told; reserved, for published_ refers to them
  std::size_t waited_ = 0;           // events that were not settled at once
  std::size_t lost_ = 0;
  std::size_t lost_first_ = 0;
  std::size_t late_duplicates_ = 0;
};

}  // namespace wskit::server
