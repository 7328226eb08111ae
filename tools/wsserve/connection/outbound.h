// What waits to be written to one socket, in order, bounded by its owner.
//
// Knows no socket: it hands out the bytes to write next and is told how many
// went. Control frames overtake everything whose frame has not begun.
//
// Threads: one, the shard's.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wsserve/frame/chunk.h"

namespace wskit::server {

class Outbound {
 public:
  // A run of events; `begin` of its bytes are written already.
  void append_events(ChunkPtr run, std::size_t begin = 0);

  // Bytes that are no WebSocket frames: an HTTP response.
  void append_http(std::string_view response);

  // Where answers to the connection's own commands are framed, behind what waits
  // already. The caller only appends whole frames.
  [[nodiscard]] std::string& replies() { return tail_; }
  // What was appended there is whole.
  void finish_reply() { whole_tail_ = tail_.size(); }
  // Takes back what was appended since then: its maker did not come to the end.
  void take_back_unfinished();

  // A control frame. A pong that waits already gives way to the new one, for only
  // the latest ping needs an answer (RFC 6455 section 5.5.3), and so does a ping.
  // True if that happened.
  enum class Control : std::uint8_t { kClose, kPing, kPong };
  bool put_control(std::string_view frame, Control control);

  [[nodiscard]] bool empty() const { return pieces_.empty() && tail_.empty(); }

  // REQUIRES: empty(). Gives back the memory that a long queue took.
  void shrink();

  [[nodiscard]] std::size_t bytes() const { return piece_bytes_ + tail_.size() - tail_sent_; }
  // Of them, those that are no events.
  [[nodiscard]] std::size_t reply_bytes() const { return reply_bytes_ + tail_.size() - tail_sent_; }

  // The next bytes to write, as at most out.size() slices; returns how many.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const;
  void sent(std::size_t bytes);

  // Drops everything but HTTP responses, the frame that has begun and control
  // frames. Returns the number of events dropped.
  std::uint64_t drop_unbegun();
  // Drops everything, of an event stream: its events end with an empty line.
  // Returns the number of events that were not written whole.
  std::uint64_t drop_stream();

 private:
  enum class Kind : std::uint8_t { kHttp, kEvents, kReplies, kClose, kPing, kPong };
  struct Piece {
    ChunkPtr chunk;
    std::size_t begin;  // what of the chunk is still to be written
    std::size_t end;
    Kind kind;
    [[nodiscard]] std::size_t size() const { return end - begin; }
    [[nodiscard]] bool is_control() const { return kind >= Kind::kClose; }
  };

  void push(Piece piece);
  void close_tail();
  // How many pieces at the front no control frame may overtake: HTTP responses
  // and the frame that has begun, which is cut from the rest of its piece.
  std::size_t split_begun_frame();

  std::deque<Piece> pieces_;
  std::size_t piece_bytes_ = 0;
  std::size_t reply_bytes_ = 0;  // of pieces_
  std::string tail_;             // replies behind the last piece
  std::size_t tail_sent_ = 0;
  std::size_t whole_tail_ = 0;  // of tail_, what is not half an answer
};

// Few connections have a queue at a time, so queues are used again.
//
// Threads: one, the shard's.
class OutboundPool {
 public:
  // An empty queue, for as long as something waits.
  [[nodiscard]] std::unique_ptr<Outbound> take();
  // REQUIRES: outbound->empty().
  void give_back(std::unique_ptr<Outbound> outbound);

 private:
  static constexpr std::size_t kSpares = 256;

  std::vector<std::unique_ptr<Outbound>> spares_;
};

}  // namespace wskit::server
