// The conversation of a subscriber with the server, on each connection anew:
// waits for `connected`, subscribes with the positions reached so far, and hands
// over the events that follow the answer, with whatever is wrong with them named.
// Where history is to be played at its own pace, that comes first.
//
// Knows no output. Threads: the client's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/exit_code.h"
#include "common/client/client.h"
#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "common/protocol/timestamp.h"
#include "wstap/channel_book.h"
#include "wstap/control_message.h"
#include "wstap/history_player.h"
#include "wstap/quiet.h"
#include "wstap/range_end.h"
#include "wstap/selection.h"

namespace wskit::tap {

struct SubscriberOptions {
  client::ClientOptions client;
  Selection selection;
  protocol::Since from = protocol::FromNow{};
  std::optional<Until> until{};
  std::optional<Pace> pace{};  // play what there is from `from` on
  // Only for the order of time across channels: where it cannot be had, without.
  bool pace_is_a_wish = false;
};

// What the server answered to a subscription.
struct Subscribed {
  struct Entry {
    std::string name;  // or pattern
    std::uint64_t replayed = 0;
    std::size_t channels = 1;  // a pattern's, as far as it told
  };
  std::vector<Entry> entries;
  bool resumed = false;  // it is not the first time
  std::uint64_t replayed = 0;
  std::size_t gaps = 0;
};

class SubscriberListener {
 public:
  virtual ~SubscriberListener() = default;

  // Events follow.
  virtual void on_subscribed(const Subscribed& answer) = 0;
  // History is being played, of so many channels; on_subscribed follows once the
  // present is reached.
  virtual void on_playing(std::size_t channels) = 0;
  // `text` is the event as it came. Both views are valid until the return.
  virtual void on_event(const protocol::EventView& event, std::string_view text) = 0;
  // Called before the event that shows it is; nothing follows a stop() from here.
  virtual void on_incident(std::string_view channel, const Incident& incident) = 0;
  // Every channel has passed the end of the range.
  virtual void on_range_end() = 0;
  // How the connection goes on, for who asks (-v).
  virtual void on_detail(std::string_view /*message*/) {}
  // Something that goes wrong though the run goes on.
  virtual void on_warning(std::string_view message) = 0;
  // Nothing came for a while, and this is why.
  virtual void on_hint(std::string_view /*message*/) {}
  virtual void on_batch_end() = 0;
  virtual void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in) = 0;
  // The last call: `message` says why, empty after stop().
  virtual void on_end(cli::ExitCode code, std::string_view message) = 0;
};

class Subscriber : private client::ClientHandler, private PlayerListener {
 public:
  // `listener` must outlive the subscriber.
  Subscriber(boost::asio::io_context& io, SubscriberOptions options, SubscriberListener& listener);

  void start() { client_.start(); }
  // Closes the connection; on_end follows, and no event any more.
  void stop();
  // While the output cannot take more.
  void pause();
  void resume();

  [[nodiscard]] const client::ClientStatistics& statistics() const { return client_.statistics(); }
  [[nodiscard]] const ChannelBook& book() const { return book_; }
  // Null: nothing is being played.
  [[nodiscard]] const HistoryPlayer* player() const { return player_ && !present_ ? &*player_ : nullptr; }
  // How many events the server has left out by their types, as far as it has told.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  // While it waits for the next attempt to connect: makes it now.
  void retry_now() { client_.retry_now(); }
  // The server's time from which on channels begin that are not in the book;
  // nothing before the first answer.
  [[nodiscard]] std::optional<protocol::SystemMicros> since() const { return since_; }

 private:
  // What of the conversation comes next.
  enum class Stage : std::uint8_t { kGreeting, kAnswer, kChannels, kPlaying, kEvents, kStopped };

  void on_open() override;
  void on_message(std::string_view text) override;
  void on_batch_end() override { listener_.on_batch_end(); }
  void on_token_renewed() override { listener_.on_detail("the server has taken the new token"); }
  void on_token_trouble(std::string_view message) override { listener_.on_warning(message); }
  void on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in, bool was_open) override;
  void on_end(const client::Failure& why) override;

  void ask_page(std::string_view channel, const protocol::Since& since, std::size_t limit) override;
  void on_played_from(const SubscribedEntry& entry) override;
  void on_played(const protocol::EventView& event, std::string_view text) override { take(event, text); }
  void on_play_pause() override { listener_.on_batch_end(); }
  void on_present() override;

  [[nodiscard]] bool is_asked_for(std::string_view channel) const;
  void take(const protocol::EventView& event, std::string_view text);
  [[nodiscard]] bool tell(std::string_view channel, const std::optional<Incident>& incident);

  void on_control(const ControlMessage& message);
  void on_greeting(const ControlMessage& message);
  void on_answer(const ControlMessage& message);
  void on_subscription(const ControlMessage& message);
  void on_channels(const ControlMessage& message);
  void on_page_refused(const ControlMessage& message);
  void on_side_answer(const ControlMessage& message);
  // False: the run is over.
  [[nodiscard]] bool aim_at_end(const std::vector<SubscribedEntry>& channels, const ControlMessage& message);
  void ask_at_end(protocol::SystemMicros now);
  void expect_answer();
  void subscribe();
  void ask_epoch(std::string_view channel);
  [[nodiscard]] std::optional<protocol::Since> first_since();
  void watch_holes();
  void tell_where_it_stands(const SubscribedEntry& entry);
  void report_holes(std::optional<ChannelBook::Time> before);
  void refuse(cli::ExitCode code, std::string message);
  // Where history cannot be had in the order of time.
  void replay_by_channel();

  void watch_silence();
  void look();
  void on_look(const ControlMessage& message);
  void on_probe(const ControlMessage& message);
  void tell_nothing();
  void on_types(const HistoryPage& page);

  SubscriberOptions options_;
  const Selection& selection_ = options_.selection;
  SubscriberListener& listener_;
  ChannelBook book_;
  std::optional<RangeEnd> end_;
  std::optional<HistoryPlayer> player_;  // has its say until present_
  std::vector<std::string> channels_;    // what is subscribed
  std::string decoded_;                  // what an event's escapes stand for
  Stage stage_ = Stage::kGreeting;
  bool subscribed_ = false;  // at least once
  bool listed_ = false;      // the channels to play are known
  bool present_ = false;     // nothing is left to play
  std::optional<protocol::SystemMicros> since_;
  std::string refusal_;  // why this side gave up; then with refusal_code_
  cli::ExitCode refusal_code_ = cli::ExitCode::kOk;
  boost::asio::steady_timer answer_timer_;
  boost::asio::steady_timer holes_timer_;
  boost::asio::steady_timer end_timer_;
  bool watching_holes_ = false;
  Quiet quiet_;
  boost::asio::steady_timer silence_timer_;
  bool silent_ = true;                // no event has come
  bool looked_ = false;               // that was told
  bool probing_ = false;              // events of channels that were not asked for may come
  std::vector<std::string> nothing_;  // names and patterns without events, of which is to be told
  std::vector<std::string> there_;    // channels whose names may be meant
  std::size_t probes_ = 0;            // questions for those that are not answered
  std::uint64_t left_out_ = 0;
  client::Client client_;
};

}  // namespace wskit::tap
