// Plays the history of several channels in the order of its times and at its own
// pace, a little of it in memory at a time: reads pages of `history`, channel by
// channel, and hands over each event when it is due.
//
// Knows no connection: what it asks is sent by its listener, and answers are
// handed in. Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/event.h"
#include "common/protocol/position.h"
#include "common/protocol/timestamp.h"
#include "wstap/control_message.h"
#include "wstap/history_page.h"

namespace wskit::tap {

struct Pace {
  double speed = 1;                                   // events' time by ours; infinity: no pauses
  std::optional<std::chrono::nanoseconds> max_gap{};  // the longest pause
};

class PlayerListener {
 public:
  virtual ~PlayerListener() = default;

  // A page of the channel's history, which on_page or another answer brings.
  virtual void ask_page(std::string_view channel, const protocol::Since& since, std::size_t limit) = 0;
  // Where the channel begins, as a subscription's answer would say it: of all
  // channels before the first event of any, so that each has its place when the
  // run ends early; and again before events that are not the direct successors of
  // those before them.
  virtual void on_played_from(const SubscribedEntry& entry) = 0;
  virtual void on_played(const protocol::EventView& event, std::string_view text) = 0;
  virtual void on_play_pause() = 0;
  // There is nothing left to play, in any channel. The last call.
  virtual void on_present() = 0;
};

class HistoryPlayer {
 public:
  using Clock = std::chrono::steady_clock;

  // `listener` must outlive the player.
  HistoryPlayer(boost::asio::io_context& io, Pace pace, PlayerListener& listener);

  // One channel more, from a place on. REQUIRES: before begin().
  void add(std::string channel, protocol::Since since);

  // On each connection; what was asked on the one before is asked again.
  void begin();
  // The connection is gone. What was read already is played on.
  void lose_connection();
  void stop();

  // Answers to the last ask_page.
  void on_page(const HistoryPage& page);
  // The server has no such history (yet); or cannot tell it now.
  void on_nothing();
  void on_not_now();

  // While the output takes no more.
  void pause() { paused_ = true; }
  void resume();

  // The time of the last event played.
  [[nodiscard]] std::optional<protocol::SystemMicros> at() const { return at_; }

 private:
  struct Item {
    std::string text;  // empty: only `begins`
    protocol::SystemMicros time;
    std::optional<SubscribedEntry> begins;
  };
  struct Track {
    std::string channel;
    protocol::Since since;  // of the next page
    std::deque<Item> items;
    std::size_t page_events = 0;                      // of the last page
    std::size_t limit = 0;                            // of the next one
    protocol::SystemMicros latest{};                  // of the items so far, so that order holds
    protocol::SystemMicros known_until;               // by the server's clock, once complete
    std::optional<protocol::SystemMicros> asked_for;  // once complete: the next event by then
    std::optional<SubscribedEntry> begins;            // until it is told
    bool begun = false;
    bool complete = false;  // items hold all there was
    bool queued = false;    // in questions_
  };

  void ask(std::size_t track);
  void send_next();
  void take_items(Track& track, const HistoryPage& page);
  void plan_next_page(Track& track, const HistoryPage& page);
  void tell_beginnings();
  // Plays what is due, and asks for what will be.
  void pump();
  // The next event may not be played before these channels have been asked.
  [[nodiscard]] bool waits_for_pages(protocol::SystemMicros next);
  [[nodiscard]] Clock::time_point due(protocol::SystemMicros time);
  void play_front(std::size_t track);
  void wait_until(Clock::time_point when);

  Pace pace_;
  PlayerListener& listener_;
  std::vector<Track> tracks_;
  // The first item of each track that has one, by time.
  std::set<std::pair<protocol::SystemMicros, std::size_t>> ready_;
  std::deque<std::size_t> questions_;  // the front one is being answered
  bool connected_ = false;
  bool asked_ = false;
  bool not_now_ = false;  // nothing is asked until retry_ has expired
  bool paused_ = false;
  bool over_ = false;
  bool told_ = false;  // where the channels begin
  // Until when the tracks that have nothing more are known to have nothing; absent:
  // to be found out.
  std::optional<protocol::SystemMicros> silent_until_;
  std::size_t starving_ = 0;  // tracks without items that are not complete
  std::string decoded_;
  // The event at began_at_ was due at began_.
  std::optional<protocol::SystemMicros> began_at_;
  Clock::time_point began_;
  Clock::time_point last_played_;
  std::optional<protocol::SystemMicros> at_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer retry_;
};

}  // namespace wskit::tap
