#include "wstap/history_player.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wskit::tap {
namespace {

using protocol::Position;
using protocol::Since;
using protocol::SystemMicros;

// What may wait to be played, all channels together.
constexpr std::size_t kAheadBytes = std::size_t{32} << 20;
constexpr std::size_t kFirstPages = 2048;  // events, all channels together
constexpr std::size_t kMostPageEvents = 1000;
// Played without looking at the connection.
constexpr std::size_t kEventsInARow = 512;
constexpr std::chrono::milliseconds kRetry{200};
// Longer than anybody waits, and short enough to add to any moment.
constexpr double kLongestWaitSeconds = 86400.0 * 365;

}  // namespace

HistoryPlayer::HistoryPlayer(boost::asio::io_context& io, Pace pace, PlayerListener& listener)
    : pace_(pace), listener_(listener), timer_(io), retry_(io) {}

void HistoryPlayer::add(std::string channel, Since since) {
  Track track;
  track.channel = std::move(channel);
  track.since = std::move(since);
  tracks_.push_back(std::move(track));
  ++starving_;
}

void HistoryPlayer::begin() {
  if (over_) return;
  connected_ = true;
  asked_ = false;
  not_now_ = false;
  const std::size_t share = kFirstPages / std::max<std::size_t>(tracks_.size(), 1);
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].limit == 0) tracks_[i].limit = std::clamp<std::size_t>(share, 1, 256);
    if (tracks_[i].items.empty() && !tracks_[i].complete) ask(i);
  }
  send_next();
  pump();
}

void HistoryPlayer::lose_connection() {
  connected_ = false;
  asked_ = false;
  retry_.cancel();
}

void HistoryPlayer::stop() {
  over_ = true;
  timer_.cancel();
  retry_.cancel();
}

void HistoryPlayer::resume() {
  if (!std::exchange(paused_, false)) return;
  pump();
}

// --- pages -------------------------------------------------------------------

void HistoryPlayer::ask(std::size_t track) {
  if (std::exchange(tracks_[track].queued, true)) return;
  questions_.push_back(track);
}

// One at a time, so that answers never wait to be read.
void HistoryPlayer::send_next() {
  if (over_ || !connected_ || asked_ || not_now_ || questions_.empty()) return;
  asked_ = true;
  const Track& track = tracks_[questions_.front()];
  listener_.ask_page(track.channel, track.since, track.limit);
}

void HistoryPlayer::on_page(const HistoryPage& page) {
  if (over_ || !asked_) return;
  asked_ = false;
  const std::size_t index = questions_.front();
  questions_.pop_front();
  silent_until_.reset();
  Track& track = tracks_[index];
  track.queued = false;
  const bool was_empty = track.items.empty();
  const bool starved = was_empty && !track.complete;
  take_items(track, page);
  plan_next_page(track, page);
  if (was_empty && !track.items.empty()) ready_.emplace(track.items.front().time, index);
  const bool starves = track.items.empty() && !track.complete;
  starving_ = starving_ - (starved ? 1 : 0) + (starves ? 1 : 0);
  if (starves) ask(index);
  send_next();
  pump();
}

void HistoryPlayer::take_items(Track& track, const HistoryPage& page) {
  std::uint64_t first = page.offset + 1;
  std::uint64_t last = 0;
  const std::size_t before = track.items.size();
  for (const std::string_view text : page.events) {
    const auto event = protocol::decode_event(text, decoded_);
    if (!event) continue;
    const auto time = protocol::parse_timestamp(event->timestamp);
    if (time) track.latest = last == 0 && !track.begun ? *time : std::max(track.latest, *time);
    first = std::min(first, event->offset);
    last = std::max(last, event->offset);
    track.items.push_back({.text = std::string(text), .time = track.latest, .begins = {}});
  }
  if (!track.begun || !page.recovered) {
    SubscribedEntry begins{.channel = track.channel,
                           .offset = page.offset,
                           .epoch = page.epoch,
                           .recovered = page.recovered,
                           .replayed = page.offset + 1 - std::min(first, page.offset + 1),
                           .oldest = page.recovered ? std::nullopt : std::optional(page.oldest),
                           .gaps = {}};
    if (!told_) {
      track.begins = std::move(begins);
    } else if (track.items.size() > before) {
      track.items[before].begins = std::move(begins);
    } else if (track.items.empty()) {
      listener_.on_played_from(begins);
    } else {
      track.items.push_back({.text = {}, .time = track.latest, .begins = std::move(begins)});
    }
  }
  track.begun = true;
  // Behind what there is now, also where nothing came.
  if (last == 0 && (!page.recovered || !std::holds_alternative<Position>(track.since))) last = page.offset;
  if (last != 0 || page.offset == 0) track.since = Position{.offset = last, .epoch = page.epoch};
}

void HistoryPlayer::plan_next_page(Track& track, const HistoryPage& page) {
  track.complete = page.complete || page.events.empty();
  const auto time = protocol::parse_timestamp(page.timestamp);
  track.known_until = time ? *time : SystemMicros::max();
  if (page.events.empty()) return;
  track.page_events = page.events.size();
  std::size_t bytes = 0;
  for (const std::string_view text : page.events) bytes += text.size();
  const std::size_t share = kAheadBytes / tracks_.size();
  const std::size_t fitting = share * page.events.size() / std::max<std::size_t>(bytes, 1);
  track.limit = std::clamp<std::size_t>(fitting / 2, 1, kMostPageEvents);
}

void HistoryPlayer::on_nothing() {
  if (over_ || !asked_) return;
  asked_ = false;
  Track& track = tracks_[questions_.front()];
  questions_.pop_front();
  track.queued = false;
  if (track.items.empty() && !track.complete) --starving_;
  track.complete = true;
  track.known_until = SystemMicros::max();
  send_next();
  pump();
}

void HistoryPlayer::on_not_now() {
  if (over_ || !asked_) return;
  // The question is answered: whatever else comes for it was not asked for.
  asked_ = false;
  not_now_ = true;
  retry_.expires_after(kRetry);
  retry_.async_wait([this](const boost::system::error_code& error) {
    if (error || over_) return;
    not_now_ = false;
    send_next();
  });
}

// --- playing -----------------------------------------------------------------

// When `time` is to be played.
HistoryPlayer::Clock::time_point HistoryPlayer::due(SystemMicros time) {
  const Clock::time_point now = Clock::now();
  if (!began_at_) {
    began_at_ = time;
    began_ = last_played_ = now;
  }
  if (std::isinf(pace_.speed)) return now;
  const double seconds = std::chrono::duration<double>(time - *began_at_).count() / pace_.speed;
  const std::chrono::duration<double> wait{std::clamp(seconds, -kLongestWaitSeconds, kLongestWaitSeconds)};
  const Clock::time_point due = began_ + std::chrono::duration_cast<Clock::duration>(wait);
  if (!pace_.max_gap || due - last_played_ <= *pace_.max_gap) return due;
  began_at_ = time;
  began_ = last_played_ + std::chrono::duration_cast<Clock::duration>(*pace_.max_gap);
  return began_;
}

// A channel that had nothing more when it was asked may have got something since
// that belongs before the next event.
bool HistoryPlayer::waits_for_pages(SystemMicros next) {
  if (silent_until_ && *silent_until_ >= next) return false;
  bool waits = false;
  silent_until_ = SystemMicros::max();
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    Track& track = tracks_[i];
    if (!track.complete || !track.items.empty()) continue;
    silent_until_ = std::min(*silent_until_, track.known_until);
    if (track.known_until >= next) continue;
    // Once is enough: publishers' clocks may be ahead of the server's.
    if (!track.queued && track.asked_for && *track.asked_for >= next) continue;
    track.asked_for = next;
    ask(i);
    waits = true;
  }
  if (waits) send_next();
  return waits;
}

void HistoryPlayer::tell_beginnings() {
  if (std::exchange(told_, true)) return;
  for (Track& track : tracks_) {
    if (track.begins && !over_) listener_.on_played_from(*track.begins);
    track.begins.reset();
  }
}

void HistoryPlayer::pump() {
  timer_.cancel();
  for (std::size_t played = 0; !paused_ && !over_; ++played) {
    if (starving_ > 0) break;
    tell_beginnings();
    if (over_) return;
    if (ready_.empty()) {
      // Whatever is being asked belongs to the seam, which the subscription sees to.
      stop();
      return listener_.on_present();
    }
    const auto [time, track] = *ready_.begin();
    const Clock::time_point when = due(time);
    if (when > Clock::now()) {
      wait_until(when);
      break;
    }
    if (waits_for_pages(time)) break;
    if (played == kEventsInARow) {
      wait_until(Clock::now());
      break;
    }
    play_front(track);
  }
  if (!over_) listener_.on_play_pause();
}

void HistoryPlayer::play_front(std::size_t index) {
  Track& track = tracks_[index];
  const Item item = std::move(track.items.front());
  ready_.erase(ready_.begin());
  track.items.pop_front();
  if (!track.items.empty()) {
    ready_.emplace(track.items.front().time, index);
  } else if (track.complete) {
    silent_until_.reset();
  } else {
    ++starving_;
  }
  if (!track.complete && track.items.size() <= track.page_events / 2) {
    ask(index);
    send_next();
  }
  if (item.begins) listener_.on_played_from(*item.begins);
  if (item.text.empty() || over_) return;
  last_played_ = Clock::now();
  at_ = item.time;
  const auto event = protocol::decode_event(item.text, decoded_);
  if (event) listener_.on_played(*event, item.text);
}

void HistoryPlayer::wait_until(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !over_) pump();
  });
}

}  // namespace wskit::tap
