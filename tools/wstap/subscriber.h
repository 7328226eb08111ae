// The conversation of a subscriber with the server, on each connection anew:
// waits for `connected`, subscribes with the positions reached so far, and hands
// over the events that follow the answer, with every hole in them named.
//
// Knows no output. Threads: the client's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/exit_code.h"
#include "common/client/client.h"
#include "common/protocol/event.h"
#include "common/protocol/timestamp.h"
#include "wstap/channel_book.h"
#include "wstap/control_message.h"
#include "wstap/selection.h"

namespace wskit::tap {

class SubscriberListener {
 public:
  virtual ~SubscriberListener() = default;

  // The server has answered the subscription: events of `channels` names and
  // patterns follow. `resumed`: this is not the first time; then `replayed`
  // events come again that were missed.
  virtual void on_subscribed(std::size_t channels, bool resumed, std::uint64_t replayed) = 0;
  // `text` is the event as it came. Both views are valid until the return.
  virtual void on_event(const protocol::EventView& event, std::string_view text) = 0;
  virtual void on_incident(std::string_view channel, const Incident& incident) = 0;
  // How the connection goes on, for who asks (-v).
  virtual void on_detail(std::string_view /*message*/) {}
  // Something that goes wrong though the run goes on.
  virtual void on_warning(std::string_view message) = 0;
  virtual void on_batch_end() = 0;
  virtual void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in) = 0;
  // The last call: `message` says why, empty after stop().
  virtual void on_end(cli::ExitCode code, std::string_view message) = 0;
};

class Subscriber : private client::ClientHandler {
 public:
  // `listener` must outlive the subscriber.
  Subscriber(boost::asio::io_context& io, client::ClientOptions options, Selection selection,
             SubscriberListener& listener);

  void start() { client_.start(); }
  // Closes the connection; on_end follows, and no event any more.
  void stop();
  // While the output cannot take more.
  void pause() { client_.pause_reading(); }
  void resume() { client_.resume_reading(); }

  [[nodiscard]] const client::ClientStatistics& statistics() const { return client_.statistics(); }
  [[nodiscard]] const ChannelBook& book() const { return book_; }

 private:
  // What of the conversation comes next.
  enum class Stage : std::uint8_t { kGreeting, kAnswer, kEvents, kStopped };

  void on_open() override;
  void on_message(std::string_view text) override;
  void on_batch_end() override { listener_.on_batch_end(); }
  void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in, bool was_open) override;
  void on_end(const client::Failure& why) override;

  void on_control(const ControlMessage& message);
  void on_greeting(const ControlMessage& message);
  void on_answer(const ControlMessage& message);
  void ask_epoch(std::string_view channel);
  [[nodiscard]] std::string resume_since();
  void watch_holes();
  void tell_where_it_stands(const SubscribedEntry& entry);
  void report_holes(std::optional<ChannelBook::Time> before);
  void refuse(cli::ExitCode code, std::string message);

  Selection selection_;
  SubscriberListener& listener_;
  ChannelBook book_;
  std::string decoded_;  // what an event's escapes stand for
  Stage stage_ = Stage::kGreeting;
  std::optional<protocol::SystemMicros> since_;  // the server's time of the first answer
  std::string refusal_;                          // why this side gave up; then with refusal_code_
  cli::ExitCode refusal_code_ = cli::ExitCode::kOk;
  boost::asio::steady_timer answer_timer_;
  boost::asio::steady_timer holes_timer_;
  bool watching_holes_ = false;
  client::Client client_;
};

}  // namespace wskit::tap
