// A broker gives events their offsets and keeps them: in memory, in one file, or on a server
// that nodes share. It knows no connection, no shard and no socket.
//
// A broker owes, for each of its logs:
// - Within an epoch the offsets of the events are consecutive.
// - Each event is brought to the log's channel once, in the order of the offsets: with the
//   receipt of append() or by Log::Listener::appended(). An event that was refused or lost is
//   never brought.
// - Events that were brought, and are not older than head() says, can be read.
// - append() never waits.
//
// Threads: a log has no lock of its own; its channel's mutex guards it. The channel holds the
// mutex where it calls the log, but for read() and locate(), and the log takes the mutex where
// it calls its listener on a thread of the broker. A broker may be used by any thread, but for
// start() and stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/timestamp.h"
#include "wsserve/broker/figures.h"
#include "wsserve/broker/recent_marks.h"
#include "wsserve/broker/retention.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server::broker {

class Log;

// Counts events that a broker settles later than append(), from 1, over all its logs, in the
// order in which they were appended. 0: of an event that is settled already.
using Ticket = std::uint64_t;

// An event that is to be appended to a log.
struct Draft {
  Log* log = nullptr;         // used by append_all() alone
  protocol::EventView event;  // as it will be sent; the log sets its offset, if it knows that
  Recognition by;
  protocol::SystemMicros received;
};

// What append() says of an event.
struct Receipt {
  enum class Refusal : std::uint8_t {
    kNone,
    kUnavailable,  // the broker takes no events now
    kForgotten,    // its sequence is too old to know whether the log has it already
    kApart,        // append_all(): these logs cannot be written together
  };

  // 0: outcome(ticket) tells it once the ticket is settled.
  std::uint64_t offset = 0;
  Ticket ticket = 0;
  // The log had it before, at `offset`; the ticket is of that event, or of a later one.
  bool duplicate = false;
  bool first = false;  // no event was ever appended to the log before it
  Refusal refusal = Refusal::kNone;
  std::int64_t oldest = 0;  // kForgotten: the least sequence that would be recognised
  // The event, if append() has settled it. It is brought with this, and not by appended():
  // so an event in memory costs one virtual call.
  ChunkPtr frame = nullptr;
};

// What append_all() says.
struct ReceiptOfAll {
  Receipt first;             // of the first event; settled events are brought by appended() alone
  std::size_t copies = 0;    // accepted of the other events; 0 if the first one was not new
  Ticket copies_ticket = 0;  // of copies whose settling the first event does not await; 0: none
};

// What became of an event with a ticket.
struct Outcome {
  bool lost = false;         // it was not kept and will never be brought
  bool duplicate = false;    // the log had it before
  std::uint64_t offset = 0;  // 0: as the receipt said
  std::string epoch = {};    // of that offset; empty: the log's when the event was appended
};

// An event that the log has.
struct Entry {
  ChunkPtr frame;
  protocol::SystemMicros received;
};

// Where a log stands.
struct Head {
  std::string_view epoch;    // valid until the log is broken or destroyed
  std::uint64_t newest = 0;  // the offset of the newest event that was brought; 0: none yet
  std::uint64_t oldest = 1;  // of the oldest event that read() has; newest + 1: none
};

// What a read brought.
struct Part {
  // Not 0: the events asked for up to this one are missing or damaged. What follows them, if
  // anything was read, is in `frames`.
  std::uint64_t lost_up_to = 0;
  std::vector<ChunkPtr> frames;  // consecutive, each as it was appended
  bool gap = false;              // the first event asked for is no longer kept; no frames
  std::string error;             // not empty: nothing can be read now
};

// Where a time is in a log.
struct Located {
  std::uint64_t after = 0;  // the first event received at that time or later is the next
  bool whole = false;       // no event received at that time or later was let go
  std::string error;        // not empty: nothing can be read now
};

// One channel's log.
class Log {
 public:
  // The log's channel. Called with the channel's mutex held.
  class Listener {
   public:
    // The next events of the log, in their order: they are kept now.
    virtual void appended(std::span<const Entry> entries) noexcept = 0;
    // The log has lost events and begins another epoch: the next event is now.newest + 1,
    // and nothing from before can be read. Readers get a gap. Offsets never go back:
    // now.newest is greater than the offset of every event that was brought.
    virtual void broken(const Head& now) = 0;

   protected:
    ~Listener() = default;
  };

  explicit Log(bool durable) : durable_(durable) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log();

  // Whether the log's events outlive the process. Then they are settled later than append(),
  // append() may refuse them, and read() and locate() know more than the channel's memory.
  [[nodiscard]] bool is_durable() const { return durable_; }

  [[nodiscard]] virtual Receipt append(Draft& draft) = 0;
  // The refusal of an event with that sequence, or nothing: it is new, or known.
  [[nodiscard]] virtual std::optional<Receipt> check_sequence(const Producer& producer, std::int64_t sequence,
                                                              protocol::SystemMicros now) = 0;

  [[nodiscard]] virtual Head head() const = 0;
  // No event was ever appended to it, nor is one on its way.
  [[nodiscard]] virtual bool is_unused() const = 0;
  // Whether it can be closed without a loss.
  [[nodiscard]] virtual bool is_empty() const = 0;
  virtual void set_retention(const Retention& retention) = 0;
  // Lets go of ids and sequences that have become too old.
  virtual void expire(protocol::SystemMicros now) = 0;
  // The channel goes: from here on the log is only destroyed. An unused log leaves nothing
  // behind. REQUIRES: is_empty() or is_unused(); the name is not opened again meanwhile.
  virtual void close() = 0;

  // The events behind `after` up to and with `up_to`, oldest first, until `max_bytes` are
  // passed. `then` runs on a thread of the broker, in the order of the calls; it does not run
  // if the broker stops before. REQUIRES: is_durable(); `up_to` was brought. Any thread, the
  // mutex is not held.
  virtual void read(std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
                    std::function<void(Part)> then) = 0;
  // The same: where the events received at `time` or later begin.
  virtual void locate(protocol::SystemMicros time, std::function<void(Located)> then) = 0;

 private:
  const bool durable_;
};

// How a log is opened.
struct Opening {
  std::string_view channel;  // valid as long as the log
  std::string_view epoch;    // of the log if it is new; one that is known has its own
  bool durable = true;       // it is to outlive the process, if the broker can do that
  Retention retention;
  const Shared& shared;
  std::mutex& mutex;  // the channel's
};

// Whether the broker can do its work, for a person.
struct Health {
  std::string problem;  // why durable logs take no events now; empty: they do
  std::string damage;   // what is wrong beside that; empty: nothing
};

// All are called on a thread of the broker, with no lock held. Each may be empty.
struct Callbacks {
  // Tickets were settled, after their events were brought.
  std::function<void()> settled;
  // Durable logs take no events any more, with a line that says why, or take them again
  // (`problem` is empty).
  std::function<void(const std::string& problem)> health_changed;
  // A line for the server's log.
  std::function<void(const std::string& line)> remark;
  // Something was thrown that ended no more than what was done. Called while the exception
  // is handled. Must not throw.
  std::function<void(const char* where)> caught;
};

class Broker {
 public:
  explicit Broker(bool durable) : durable_(durable) {}
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  virtual ~Broker();  // stops

  // Whether any of its logs is durable.
  [[nodiscard]] bool is_durable() const { return durable_; }
  // Whether open() would make a durable log of that channel. Channels of the server itself
  // (`@`) are always in memory.
  [[nodiscard]] bool keeps(std::string_view channel, bool durable) const;

  // Starts the threads. Once; logs may be open by then, but no event was appended.
  virtual void start(Callbacks callbacks) = 0;
  // Keeps everything that was appended, if that can be done, and ends the threads. Reads that
  // wait are dropped. REQUIRES: nobody appends any more. Safe to call twice.
  virtual void stop() = 0;

  // The log of a channel, known or new. Both listener and log outlive the broker's threads,
  // unless the log is closed. REQUIRES: no log of the channel is open; the mutex is held.
  [[nodiscard]] virtual std::unique_ptr<Log> open(const Opening& opening, Log::Listener& listener) = 0;
  // The channels whose logs were kept from an earlier run, or have been opened since.
  [[nodiscard]] virtual std::vector<std::string> channels() const = 0;

  // Appends an event and copies of it to several logs, each once. If the first log is durable,
  // the event and its copies in durable logs are kept together or not at all, and copies in
  // logs that are not durable are appended once it is settled. If the first log is not
  // durable, the event is appended though copies in durable logs may be refused. A broker
  // that cannot keep these logs together refuses the event with its copies (kApart).
  // REQUIRES: not empty; the mutexes of all are held.
  [[nodiscard]] virtual ReceiptOfAll append_all(std::span<Draft> drafts) = 0;

  // Every ticket up to this one is settled: its event is kept and was brought, or it is lost.
  [[nodiscard]] virtual Ticket settled() const = 0;
  // REQUIRES: 0 < ticket <= settled().
  [[nodiscard]] virtual Outcome outcome(Ticket ticket) const = 0;

  // Whether durable logs take events now.
  [[nodiscard]] virtual bool is_available() const = 0;
  // More waits than is good: publishers should not be read for a while.
  [[nodiscard]] virtual bool is_crowded() const = 0;
  [[nodiscard]] virtual Health health() const = 0;
  // Nothing: there is nothing to count.
  [[nodiscard]] virtual std::optional<Figures> figures() const = 0;

 private:
  const bool durable_;
};

}  // namespace wskit::server::broker
