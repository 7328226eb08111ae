// An event on its way into the store, and whom the store tells what became of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/protocol/timestamp.h"
#include "wsserve/broker/broker.h"
#include "wsserve/broker/producer.h"
#include "wsserve/frame/chunk.h"

namespace wskit::server::store {

class Sink;
class StoredChannel;

using broker::Ticket;

// What is to be done once an event is on disk; destroyed without a call if it never
// is. On the writer's thread, with no lock of the store or the channel held.
class Sequel {
 public:
  Sequel() = default;
  Sequel(const Sequel&) = delete;
  Sequel& operator=(const Sequel&) = delete;
  virtual ~Sequel() = default;
  virtual void stored(const Chunk& frame, protocol::SystemMicros received) = 0;
};

// REQUIRES: the frame's offset is the one that follows the channel's newest.
struct Record {
  StoredChannel* channel = nullptr;
  Sink* sink = nullptr;  // of the same channel; outlives the store's threads
  ChunkPtr frame;
  protocol::SystemMicros received;
  std::string dedup;               // the id the publisher gave against repetition; empty: none
  ProducerPtr producer = nullptr;  // whose sequence the event has; null: it has none
  std::int64_t sequence = -1;
  std::unique_ptr<Sequel> sequel = {};  // null: none
  bool with_next = false;               // in one transaction with the record behind it

  // Whether it must be recognised when it is sent again.
  [[nodiscard]] bool is_remembered() const { return !dedup.empty() || producer != nullptr; }
};

// A channel as the store sees it. Called on the writer's thread with no lock of
// the store held, so that both may append and ask, but must not block for long.
class Sink {
 public:
  // These events are on disk, as surely as the store's Sync says: the offsets
  // follow each other and those of the last call.
  virtual void committed(std::span<const Record> records) = 0;

  // Whatever was appended to this channel after the last committed event will
  // never be stored, and append() has refused everything since: the next event
  // to append is the one after the last committed.
  virtual void rolled_back() = 0;

 protected:
  ~Sink() = default;
};

}  // namespace wskit::server::store
