// `Bus` carries what the shards say to each other besides events: orders, which nobody
// answers, and questions, which every shard answers. Orders, questions and answers are
// plain values, so they could leave the process.
//
// A survey has no deadline: a shard answers within its turn, or the server stands still.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wskit::server::cluster {

// A connection by the number of its shard, and its own number there.
struct Place {
  std::size_t shard = 0;
  std::uint64_t number = 0;

  bool operator==(const Place&) const = default;
};

// Deliver an event of `@all` or `@connection/<id>` to those who have not subscribed the
// channel. The parts of the event are valid, as for protocol::write_event.
struct Announce {
  std::optional<Place> to;  // nothing: to every connection
  std::string channel;
  std::string type;
  std::uint64_t offset = 0;
  std::string timestamp;
  std::string key;   // JSON string; empty: none
  std::string data;  // JSON text

  bool operator==(const Announce&) const = default;
};

// Look again at who is on the channels of these names and patterns, and whether somebody
// watches them.
struct ReloadPresence {
  std::vector<std::string> channels;

  bool operator==(const ReloadPresence&) const = default;
};

using Order = std::variant<Announce, ReloadPresence>;

// Which connections: those of which everything holds that is given.
struct ConnectionFilter {
  std::string connection;              // the id; empty: not given
  std::optional<std::string> user;     // whose they are
  std::optional<std::string> channel;  // who hears it

  bool operator==(const ConnectionFilter&) const = default;
};

// The answer counts all of these connections and describes as many as `limit` and
// `max_bytes` allow.
struct ListConnections {
  ConnectionFilter which;
  std::size_t limit = 0;
  std::size_t max_bytes = 0;

  bool operator==(const ListConnections&) const = default;
};

// The answer counts the connections that hear the channel and names up to `limit`.
struct ListPresent {
  std::string channel;
  std::size_t limit = 0;

  bool operator==(const ListPresent&) const = default;
};

// The answer says how many subscriptions, by name or pattern, are for each channel.
struct CountSubscriptions {
  std::vector<std::string> channels;

  bool operator==(const CountSubscriptions&) const = default;
};

// An administrator disconnects these. This is a question, and no order, because the
// answer counts them.
struct Disconnect {
  ConnectionFilter which;

  bool operator==(const Disconnect&) const = default;
};

using Question = std::variant<ListConnections, ListPresent, CountSubscriptions, Disconnect>;

// What one shard answers, or several together.
struct Answer {
  std::vector<std::string> entries;          // JSON texts; no more than were asked for
  std::size_t count = 0;                     // of all that there are
  std::vector<std::size_t> subscriptions{};  // of each channel that was asked for, in that order

  bool operator==(const Answer&) const = default;
};

struct Answers {
  std::vector<Answer> by_member;  // in the order of the members, which is the same each time
  std::size_t failed = 0;         // members that could not answer; their answers are empty

  bool operator==(const Answers&) const = default;
};

// The entries one member after the other, and the sums of the numbers.
[[nodiscard]] Answer joined(Answers answers);

class Bus {
 public:
  // Each shard that the order is for carries it out behind everything that it had to do by
  // now. Throws std::bad_alloc; then some may have been told.
  virtual void tell(const Order& order) = 0;

  // Each shard answers behind everything that it had to do by now. `then` is called once,
  // on the thread of the shard that answers last, and must not throw. Throws
  // std::bad_alloc; then `then` is never called, though some may have been asked.
  virtual void survey(const Question& question, std::function<void(Answers)> then) = 0;

 protected:
  ~Bus() = default;
};

}  // namespace wskit::server::cluster
