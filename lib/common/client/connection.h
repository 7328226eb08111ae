// One open WebSocket connection, from the upgrade to its end: frames in and out,
// pings, silence, the close handshake. Private to the client library.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/client/client.h"
#include "common/client/connect_failure.h"
#include "common/client/connector.h"
#include "common/client/stream.h"
#include "common/websocket/deflate.h"
#include "common/websocket/frame.h"
#include "common/websocket/message_reader.h"

namespace wskit::client {

// Threads: the io_context's. Every pending operation keeps the connection alive.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // What the connection tells. Nothing follows on_closed.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_text(std::string_view text) = 0;
    virtual void on_batch_end() = 0;
    virtual void on_writable() = 0;
    // `why` is kNone after an orderly close from this side.
    virtual void on_closed(const ConnectFailure& why) = 0;
  };

  // `options`, `statistics` and `owner` must outlive the connection or its drop().
  Connection(boost::asio::io_context& io, OpenedStream opened, const ClientOptions& options,
             ClientStatistics& statistics, Owner& owner);

  // Begins to read, with the bytes that came behind the upgrade.
  void start();

  void send(std::string_view text);
  [[nodiscard]] std::size_t pending_bytes() const { return queued_.size() + writing_.size() - written_; }
  void pause_reading();
  void resume_reading();
  // Silence is measured in these from now on.
  void set_heartbeat(std::chrono::nanoseconds heartbeat);
  void close(protocol::CloseCode code, std::string_view reason);
  // Ends at once and without a word; the owner hears nothing more.
  void drop();
  // Ends at once, as lost because of `why`.
  void give_up(std::string_view why);

 private:
  using Error = boost::system::error_code;
  using Clock = std::chrono::steady_clock;

  void read();
  void on_read(const Error& error, std::size_t count);
  void handle_bytes(std::size_t count);
  // False once the stream is over.
  bool handle(const websocket::MessageReader::Item& item);
  bool handle_message(const websocket::MessageReader::Item& item);
  bool handle_cbor(websocket::Opcode opcode, std::string_view payload);
  void on_peer_close(protocol::CloseCode code, std::string_view reason);
  void fail_stream(protocol::CloseCode code, std::string_view reason);

  void begin_closing();

  void frame(websocket::Opcode opcode, std::string_view payload);
  void schedule_flush();
  void flush();
  void write();
  void on_written(const Error& error, std::size_t count);

  void watch_silence();
  void on_silence_timer();
  void on_stream_error(const Error& error);
  void end(ConnectFailure why);
  [[nodiscard]] ConnectFailure lost(std::string_view why) const;

  boost::asio::io_context& io_;
  std::unique_ptr<Stream> stream_;
  const ClientOptions& options_;
  ClientStatistics& statistics_;
  Owner* owner_;  // null once the connection has ended

  websocket::ReaderLimits limits_;
  websocket::MessageReader reader_;
  std::vector<char> buffer_;  // options_.read_buffer_bytes and the reader's padding
  std::string early_;         // bytes that came behind the upgrade
  bool reading_ = false;
  bool paused_ = false;

  websocket::MaskSource masks_;
  std::unique_ptr<websocket::Deflater> deflater_;
  std::string deflated_;
  std::string translated_;  // a message in CBOR as JSON
  std::string queued_;      // frames for the next write
  std::string writing_;     // frames of the write in flight, from written_ on not yet with the kernel
  std::size_t written_ = 0;
  bool flush_scheduled_ = false;
  bool write_in_flight_ = false;
  bool above_low_water_ = false;

  std::chrono::nanoseconds heartbeat_;
  Clock::time_point last_heard_;
  Clock::time_point pinged_{};  // before last_heard_: not since then
  boost::asio::steady_timer silence_timer_;
  boost::asio::steady_timer close_timer_;
  bool close_sent_ = false;
  // Set when the stream is over as soon as what is queued has left.
  std::optional<ConnectFailure> ending_;
};

}  // namespace wskit::client
