// Brings events to the server: batches, the acknowledgement window, resending
// after a reconnect, refusals.
//
// Order: commands go out in the order of their lines, and after a reconnect all
// that are unanswered go out again in that order before anything new. After a
// refusal "for now" (holdback.h) everything refused goes out again in order, and
// one command at a time until the server takes them. Only if it changes its mind
// while commands are on their way can a line be overtaken by lines behind it,
// which is told; and by a refusal for good of another event in its batch. So that
// this hardly ever happens, a channel's events travel alone until the server has
// accepted one of them.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/cli/notices.h"
#include "common/client/client.h"
#include "common/protocol/reply_decoder.h"
#include "common/text_hash.h"
#include "wspub/event_sink.h"
#include "wspub/holdback.h"
#include "wspub/refusal.h"
#include "wspub/window.h"

namespace wskit::pub {

enum class Acknowledge : std::uint8_t { kServer, kNone };

struct DeliveryOptions {
  client::ClientOptions client;
  Acknowledge acknowledge = Acknowledge::kServer;
  Window::Limits window;
  std::chrono::nanoseconds ack_timeout = std::chrono::seconds{10};
  std::string producer;         // of the marks by which an event is known again; empty: none are sent
  bool tell_connection = true;  // the first one, to people
  bool keep_records = false;    // hand out refused and dropped lines as they were read
};

class Delivery : public EventSink, private client::ClientHandler {
 public:
  Delivery(boost::asio::io_context& io, DeliveryOptions options, cli::Notices& notices, SinkHandler& handler);

  void start() override { client_.start(); }
  [[nodiscard]] bool can_take() const override;
  [[nodiscard]] LineResult<void> take(const protocol::PublishEvent& event, const SinkLine& line) override;
  void flush() override;
  void finish() override;
  void give_up() override;
  [[nodiscard]] bool is_connected() const override { return client_.is_open(); }
  [[nodiscard]] bool is_away() const override;
  [[nodiscard]] bool sends_at_once() const override;
  [[nodiscard]] std::size_t unanswered_lines() const override;
  [[nodiscard]] std::size_t dropped_lines() const override;
  [[nodiscard]] std::deque<std::string> dropped_records() const override;
  [[nodiscard]] std::uint64_t reconnects() const override;
  [[nodiscard]] std::uint64_t lines_sent_again() const override { return sent_again_; }

  // Whose events these are, and whether an earlier run may have published some of
  // them. Before start().
  void set_producer(std::string producer, bool published_before) {
    options_.producer = std::move(producer);
    published_before_ = published_before;
  }

  // Whether there has been a connection at all.
  [[nodiscard]] bool was_connected() const { return was_open_; }

  // An answer was overdue, or said "not now" too often, and for that the
  // connection was given up last.
  [[nodiscard]] bool gave_up_waiting() const { return gave_up_waiting_; }

 private:
  using Clock = Window::Clock;

  void on_open() override;
  void on_message(std::string_view text) override;
  void on_batch_end() override;
  void on_writable() override;
  void on_token_renewed() override { notices_.info("the server has taken the new token"); }
  void on_token_trouble(std::string_view message) override { notices_.warning("{}", message); }
  void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in, bool was_open) override;
  void on_end(const client::Failure& why) override;

  [[nodiscard]] bool acknowledged() const { return options_.acknowledge == Acknowledge::kServer; }
  [[nodiscard]] std::size_t batch_lines() const;
  [[nodiscard]] bool is_accepted(std::string_view channel);
  void add(const protocol::PublishEvent& event, const SinkLine& line);
  [[nodiscard]] std::string_view dedup_of(const SinkLine& line);
  [[nodiscard]] std::string_view dedup_of(std::int64_t sequence);
  void close_batch();
  void send_unacknowledged();
  void send_pending();
  void close_when_done();

  // `id`: of the command that is answered.
  void on_published(std::optional<std::uint64_t> id, const protocol::PublishedAll& published);
  void on_error(std::optional<std::uint64_t> id, const Refusal& refusal);
  void on_refusal(const Refusal& refusal, std::uint64_t id);
  void on_too_old(const Refusal& refusal, const PublishCommand& refused);
  // Sequences, or else dedup ids.
  void use_marks(bool sequences);
  void on_not_now(const Refusal& refusal, std::uint64_t id);
  void on_greeting(const protocol::Connected& connected);
  void leave_default_channels(const protocol::Connected& connected);
  void end(client::Failure why);

  // Nothing goes out before the server has said what it knows.
  [[nodiscard]] bool awaits_greeting() const { return !greeted_ || (sequences_ && !greeted_again_); }
  // Since when the server owes a greeting or an answer; nothing if it does not.
  [[nodiscard]] std::optional<Clock::time_point> waiting_since() const;
  void watch_acknowledgements();
  void on_ack_timer();
  void try_again_later();
  void tell_if_overtaken(const PublishCommand& accepted);

  DeliveryOptions options_;
  cli::Notices& notices_;
  SinkHandler& handler_;
  client::Client client_;
  protocol::ReplyDecoder replies_;
  Window window_;
  Window::CommandPtr batch_;  // being filled; null where it is empty
  std::uint64_t next_id_ = 1;
  // Lines have sequences, which the server knows, and not dedup ids.
  bool sequences_ = false;
  bool published_before_ = false;
  std::string producer_json_;
  std::string dedup_;

  // Channels that the server has accepted an event of.
  std::unordered_set<std::string, TextHash, std::equal_to<>> accepted_;
  std::string last_accepted_;

  boost::asio::steady_timer ack_timer_;
  bool ack_timer_armed_ = false;
  boost::asio::steady_timer retry_timer_;
  Holdback holdback_;
  bool retry_armed_ = false;
  std::uint64_t sent_again_ = 0;
  std::string not_now_;        // what the server said last of why it takes nothing
  bool told_not_now_ = false;  // and not yet that it does again
  bool told_rate_ = false;
  bool told_overtaken_ = false;

  // Without acknowledgements: lines handed to the client since it had written
  // everything, and those of them that went down with a connection.
  std::size_t unwritten_lines_ = 0;
  std::size_t lost_lines_ = 0;

  bool was_open_ = false;
  Clock::time_point opened_{};           // the present connection, or the last one
  bool greeted_ = false;                 // by the first connection at least: lines can be measured
  bool greeted_again_ = false;           // by the present one
  std::uint64_t max_message_bytes_ = 0;  // what the server takes; 0: it has not said
  bool finishing_ = false;
  bool ended_ = false;
  bool gave_up_waiting_ = false;
  std::optional<client::Failure> verdict_;  // why this side closes, where not because all is done
};

}  // namespace wskit::pub
