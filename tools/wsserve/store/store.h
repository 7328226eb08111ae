// Events on disk: one SQLite file (docs/store.md) that survives the server.
//
// Knows no connections and no subscribers. An event is appended to a queue in
// memory; a writer thread puts whatever has queued into one transaction, tells
// each channel's Sink once that is on disk, and goes on with what has queued
// meanwhile. A reader thread serves ranges of a channel.
//
// When a write fails, its transaction and everything queued behind it are taken
// back (Sink::rolled_back), and append() refuses until a trial write succeeds,
// about once a second. Nothing is reordered, and nothing is reported as stored
// that is not.
//
// Threads: any thread, but for open, start, stop and the destructor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"
#include "common/protocol/timestamp.h"
#include "wsserve/broker/broker.h"
#include "wsserve/broker/figures.h"
#include "wsserve/frame/chunk.h"
#include "wsserve/store/record.h"
#include "wsserve/store/stored_channel.h"

namespace wskit::server::store {

// What a commit waits for.
enum class Sync : std::uint8_t {
  kFull,    // every commit is flushed to the disk: survives a power failure
  kNormal,  // flushed now and then: survives the server's death, not the machine's
  kOff,     // never flushed: the same, and the machine's death may damage the file
};

struct Options {
  std::string path;
  Sync sync = Sync::kFull;
  std::size_t max_queued_bytes = std::size_t{32} << 20;
  // A new epoch, never the same twice: for channels whose newest events a crash
  // of the machine may have taken (Sync::kNormal and kOff). REQUIRES: not empty.
  std::function<std::string()> make_epoch;
  // What is to be kept of a channel that is in the file, asked when it is opened,
  // for the limits apply to channels that nobody asks for again, too. Empty: all
  // events are kept until channel() says otherwise.
  std::function<Retention(std::string_view channel)> retention_for;
  std::function<protocol::SystemMicros()> clock;  // empty: the system's
  // Time that goes on evenly, for ages (age_clock.h); empty: the system's.
  std::function<std::chrono::microseconds()> even_clock;
};

// An event that a channel accepted lately and must recognise: by its dedup id, or by
// its producer's sequence.
struct RecentId {
  std::string id;        // empty: by its sequence
  std::string producer;  // empty: by its id
  std::int64_t sequence = -1;
  std::uint64_t offset = 0;
  protocol::SystemMicros received;
};

using broker::Located;
using broker::Part;
using Status = broker::Figures;

// All are called on the writer's thread but for `remark`, with no lock of the store held.
struct Callbacks {
  // Tickets were settled: after each commit or failure, after the sinks. May be empty.
  std::function<void()> settled;
  // Became unavailable, with a line for the log, or available again (`reason` is
  // empty). May be empty.
  std::function<void(bool available, const std::string& reason)> availability;
  // A line for the log. On the reader's thread too. May be empty.
  std::function<void(const std::string& line)> remark;
  // Something was thrown there that ended no more than what was done. Called while it is
  // handled, on the reader's thread too. Must not throw. May be empty.
  std::function<void(const char* where)> caught;
};

class Store {
 public:
  // Opens or makes the file and locks it against other servers. The error is one
  // line that names the file and the remedy.
  [[nodiscard]] static protocol::Result<std::unique_ptr<Store>> open(Options options);
  ~Store();  // stops
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Starts the threads. Once.
  void start(Callbacks callbacks);

  // Writes everything queued, joins the threads, leaves a file without a
  // write-ahead log. Reads that wait are dropped: their callbacks never run.
  // REQUIRES: nobody appends any more. Safe to call twice.
  void stop();

  // --- Channels ---

  // The channel of that name, known or new, which has that retention from now on.
  // No disk access: a new one is written together with its first event. `epoch` is
  // for a new one only.
  [[nodiscard]] StoredChannel& channel(std::string_view name, const Retention& retention,
                                       std::string_view epoch);

  // Lets go of one that no event was ever appended to: it ends with this.
  void forget(const StoredChannel& channel);

  // Those in the file and those made since.
  [[nodiscard]] std::vector<StoredChannel*> channels() const;

  // The ids and sequences that the channel remembered when the store was opened,
  // oldest first. Given once: the store forgets them.
  [[nodiscard]] std::vector<RecentId> take_recent_ids(StoredChannel& channel);

  // --- Writing ---

  // Queues one event; never waits for the disk. Nothing if the store is
  // unavailable now, or has no number left for a new channel. REQUIRES: the calls for one channel come in the
  // order of its offsets (call it under the channel's mutex).
  [[nodiscard]] std::optional<Ticket> append(Record record);

  // The same with events of several channels, all of which are stored or none, in
  // one transaction. The ticket is that of the last. REQUIRES: each channel once,
  // not empty; under the mutexes of all.
  [[nodiscard]] std::optional<Ticket> append_together(std::vector<Record> records);

  // Every ticket up to this one is settled: on disk, or failed.
  [[nodiscard]] Ticket settled() const;
  // REQUIRES: ticket <= settled(). Whether its event was not stored.
  [[nodiscard]] bool failed(Ticket ticket) const;

  [[nodiscard]] bool available() const;
  // More waits than is good: publishers should not be read for a while.
  [[nodiscard]] bool crowded() const;

  // --- Reading. Callbacks run on the reader's thread, in the order of the calls ---

  // The events behind `after` up to and with `up_to`, oldest first, until
  // `max_bytes` are passed. REQUIRES: `up_to` was committed.
  void read(StoredChannel& channel, std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
            std::function<void(Part)> then);

  // Where the events received at `time` or later begin.
  void locate(StoredChannel& channel, protocol::SystemMicros time, std::function<void(Located)> then);

  [[nodiscard]] Status status() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace wskit::server::store
