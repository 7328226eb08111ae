// Writes to the socket of one connection: it alone sends, and it queues what the socket does
// not take yet.
//
// Threads: one, the shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "wsserve/connection/outbound.h"
#include "wsserve/frame/chunk.h"
#include "wsserve/transport/transport.h"

namespace wskit::server {

struct Host;

class Writer {
 public:
  // The connection that the socket belongs to.
  class Owner {
   public:
    // Something was queued: calls flush() at the end of the turn.
    virtual void flush_later() = 0;
    // Whether the socket is full, or whether the peer takes its answers, has changed.
    virtual void watch() = 0;
    // flush() has written what the socket took. `sent`: at least a byte.
    virtual void flushed(bool sent) = 0;
    // Whether something is still to be queued before the end.
    [[nodiscard]] virtual bool owes_answers() const = 0;
    // Nothing more can be sent. `why`: for the audit log. Takes no memory.
    virtual void lost(std::string_view why) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `socket`: a connected non-blocking stream socket.
  Writer(Host& host, Owner& owner, OwnedFd socket);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] Transport& transport() { return transport_; }
  [[nodiscard]] const Transport& transport() const { return transport_; }

  // --- What is written at the end of the turn

  // The queue, to append whole frames or responses to; then queue_changed() with the bytes
  // that it had before.
  [[nodiscard]] Outbound& outbound();
  // Writes what was appended at the end of the turn, or once the socket has room. A peer
  // that does not take its answers is not read until it has.
  void queue_changed(std::size_t bytes_before);
  // Appends with `append(Outbound&)`.
  template <class Append>
  void queue(const Append& append) {
    Outbound& out = outbound();
    const std::size_t before = out.bytes();
    append(out);
    queue_changed(before);
  }
  // Appends what is no frame and is written with what follows it. REQUIRES: flush_later()
  // or queue_changed() comes behind.
  void put_http(std::string_view text);
  void flush_later();
  // Takes back what was appended since the last queue_changed(): its maker did not come to
  // the end.
  void take_back_unfinished();

  // --- What is written at once

  // Events are written behind what waits. kLost: the owner was told. kFull: the socket is
  // full and the queue has no room, and they were not taken.
  enum class Outcome : std::uint8_t { kTaken, kLost, kFull };
  [[nodiscard]] Outcome write(const ChunkPtr& run);
  // Writes what waits, as far as the socket takes it.
  void flush();

  // --- What waits

  // The socket's buffer is full: flush() is to be called once it has room.
  [[nodiscard]] bool is_blocked() const { return blocked_; }
  // The peer must not be read, for it does not take its answers.
  [[nodiscard]] bool is_paused() const { return paused_; }
  // Not read until half of what may wait was taken.
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  // Nothing waits.
  [[nodiscard]] bool is_idle() const { return outbound_ == nullptr && transport_.drained(); }
  [[nodiscard]] bool has_queue() const { return outbound_ != nullptr; }
  [[nodiscard]] std::size_t queued_bytes() const { return outbound_ == nullptr ? 0 : outbound_->bytes(); }
  // Whether fewer answers wait than the queue may hold; writes what waits to find out.
  [[nodiscard]] bool takes_answers();
  // Drop what waits but for the frame that has begun, of a WebSocket, or all of it, of an
  // event stream. How many events that were.
  std::uint64_t drop_unbegun();
  std::uint64_t drop_stream();

  // --- The end

  // What waits is the last: then the peer is told that nothing follows.
  void finish_when_written() { finishing_ = true; }
  [[nodiscard]] bool is_finishing() const { return finishing_; }
  // TLS has failed: its alert is the last, and what comes is only thrown away.
  void give_up_tls();
  // TLS has something to write that it was not given here.
  void look_at_tls();
  // Drops what waits. Takes no memory.
  void abandon() noexcept;

  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  [[nodiscard]] bool write_directly(const ChunkPtr& run);
  // Counts what the queue has lost since it had so many bytes.
  void count_dropped(std::size_t bytes_before);

  Host& host_;
  Owner& owner_;
  Transport transport_;
  std::unique_ptr<Outbound> outbound_;  // null: nothing waits
  std::uint64_t bytes_out_ = 0;
  bool marked_dirty_ = false;
  bool blocked_ = false;
  bool paused_ = false;
  bool shut_ = false;  // nothing more is written
  bool finishing_ = false;
};

}  // namespace wskit::server
