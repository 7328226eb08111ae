#include "wstap/subscriber.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "common/cli/values.h"
#include "common/client/refusal_hint.h"
#include "common/protocol/channel.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/text.h"

namespace wskit::tap {

namespace {

using protocol::EventView;
using protocol::SystemMicros;

// How long a hole between events with keys may wait for the one that declares it.
constexpr std::chrono::seconds kHolePatience{2};

// Of the server where it has not said what it takes.
constexpr std::uint64_t kDefaultMaxMessage = std::uint64_t{1} << 20;

// Silence for so long from the beginning is worth a look.
constexpr std::chrono::seconds kSilence{3};

// So many channels are not asked one after the other.
constexpr std::size_t kMostMerged = 1000;

constexpr std::size_t kLookedAtEvents = 20;

// An event may have been received by another thread of the server a little before
// the moment that an answer names, and yet be behind it.
constexpr std::chrono::seconds kClockMargin{5};

SystemMicros time_of(const ControlMessage& message) {
  const protocol::Result<SystemMicros> time = protocol::parse_timestamp(message.timestamp);
  return time ? *time : protocol::system_now();
}

// Each channel that an answer tells of, once; where it is told of twice, by its
// name and by a pattern, the first counts.
std::vector<SubscribedEntry> channels_of(const ControlMessage& message) {
  std::vector<SubscribedEntry> channels;
  std::set<std::string_view> seen;
  const auto add = [&](const SubscribedEntry& entry) {
    if (entry.offset && seen.insert(entry.channel).second) channels.push_back(entry);
  };
  for (const SubscribedEntry& entry : message.subscribed) {
    add(entry);
    for (const SubscribedEntry& channel : entry.lists ? entry.matched : entry.gaps) add(channel);
  }
  return channels;
}

// The pattern whose channels the answer does not list; empty: none.
std::string_view unlisted(const ControlMessage& message) {
  for (const SubscribedEntry& entry : message.subscribed) {
    if (protocol::looks_like_pattern(entry.channel) && !entry.lists) return entry.channel;
  }
  return {};
}

// Where one channel begins.
protocol::Since since_of(const protocol::Since& from, const std::string& channel) {
  const auto* positions = std::get_if<protocol::FromPositions>(&from);
  if (positions == nullptr) return from;
  const auto found = positions->positions.find(channel);
  if (found != positions->positions.end()) return found->second;
  if (positions->time) return *positions->time;
  return protocol::FromNow{};
}

}  // namespace

Subscriber::Subscriber(boost::asio::io_context& io, SubscriberOptions options, SubscriberListener& listener)
    : options_(std::move(options)),
      listener_(listener),
      book_(
          selection_.server_filters() ? ChannelBook::Offsets::kWithHoles : ChannelBook::Offsets::kContiguous,
          options_.from),
      answer_timer_(io),
      holes_timer_(io),
      end_timer_(io),
      silence_timer_(io),
      client_(io, options_.client, *this) {
  if (options_.until) end_.emplace(*options_.until);
  if (options_.pace) player_.emplace(io, *options_.pace, static_cast<PlayerListener&>(*this));
  // Of a cursor: what it says of unknown channels holds until the server's list does.
  if (const auto* from = std::get_if<protocol::FromPositions>(&options_.from)) since_ = from->time;
}

void Subscriber::stop() {
  // How many others there were is told in the answer, before the connection closes.
  if (stage_ == Stage::kEvents && selection_.server_filters()) look();
  stage_ = Stage::kStopped;
  silence_timer_.cancel();
  if (player_) player_->stop();
  end_timer_.cancel();
  client_.close();
}

void Subscriber::pause() {
  client_.pause_reading();
  if (player_) player_->pause();
}

void Subscriber::resume() {
  client_.resume_reading();
  if (player_) player_->resume();
}

void Subscriber::on_open() {
  stage_ = Stage::kGreeting;
  book_.begin_connection();
  expect_answer();
}

void Subscriber::expect_answer() {
  answer_timer_.expires_after(client_.options().connect_timeout);
  answer_timer_.async_wait([this](const boost::system::error_code& error) {
    const bool waiting = stage_ == Stage::kGreeting || stage_ == Stage::kAnswer || stage_ == Stage::kChannels;
    if (!error && waiting) client_.reconnect("the server does not answer the subscription");
  });
}

// --- events ------------------------------------------------------------------

void Subscriber::on_message(std::string_view text) {
  if (stage_ == Stage::kStopped) {
    if (!selection_.server_filters() || protocol::decode_event(text, decoded_)) return;
    const ControlMessage message = parse_control(text);
    if (message.id == kLookId && message.type == "subscribed")
      left_out_ = quiet_.others(channels_of(message));
    return;
  }
  if (stage_ == Stage::kEvents) {
    const protocol::Result<EventView> event = protocol::decode_event(text, decoded_);
    if (event) {
      if (is_asked_for(event->channel)) take(*event, text);
      return;
    }
  }
  if (stage_ == Stage::kPlaying || (stage_ == Stage::kEvents && looked_)) {
    const std::optional<HistoryPage> page = parse_history_page(text);
    if (page && page->id == kPageId && stage_ == Stage::kPlaying) return player_->on_page(*page);
    if (page && page->id == kTypesId) return on_types(*page);
  }
  // Events of subscriptions that the connection began with are not ours.
  on_control(parse_control(text));
}

// What is for all, for a user or for a connection reaches whoever it is for,
// subscribed or not.
bool Subscriber::is_asked_for(std::string_view channel) const {
  if (!protocol::is_server_channel(channel)) return true;
  return std::ranges::any_of(channels_, [&](const std::string& name) {
    const protocol::Result<protocol::Pattern> pattern = protocol::Pattern::parse(name);
    return pattern && pattern->matches(channel);
  });
}

void Subscriber::take(const EventView& event, std::string_view text) {
  if (probing_ && !selection_.selects(event.channel)) return;
  const bool wanted = !end_ || end_->takes(event);
  if (wanted) {
    const ChannelBook::Reading reading = book_.read(event);
    if (reading.first && !selection_.selects(event.channel)) {
      Incident foreign{.kind = Incident::Kind::kForeign, .first = event.offset};
      if (!tell(event.channel, foreign)) return;
    }
    if (!tell(event.channel, reading.merge) || !tell(event.channel, reading.incident)) return;
    if (reading.epoch_wanted) ask_epoch(event.channel);
    if (book_.has_holes()) watch_holes();
    if (!reading.repeated) {
      silent_ = false;
      quiet_.took(event);
      client_.progressed();
      listener_.on_event(event, text);
    }
  }
  if (end_ && stage_ != Stage::kStopped && end_->reached()) listener_.on_range_end();
}

// False: that was the end of the run.
bool Subscriber::tell(std::string_view channel, const std::optional<Incident>& incident) {
  if (incident) listener_.on_incident(channel, *incident);
  return stage_ != Stage::kStopped;
}

void Subscriber::watch_holes() {
  if (watching_holes_) return;
  watching_holes_ = true;
  holes_timer_.expires_after(kHolePatience);
  holes_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    watching_holes_ = false;
    report_holes(std::chrono::steady_clock::now() - kHolePatience);
    if (book_.has_holes()) watch_holes();
  });
}

void Subscriber::report_holes(std::optional<ChannelBook::Time> before) {
  for (const ChannelBook::Hole& hole : book_.take_holes(before)) {
    listener_.on_incident(hole.channel, hole.incident);
  }
}

// --- the conversation --------------------------------------------------------

void Subscriber::on_control(const ControlMessage& message) {
  switch (stage_) {
    case Stage::kGreeting:
      return on_greeting(message);
    case Stage::kAnswer:
    case Stage::kChannels:
      if (message.id == kSubscribeId) on_answer(message);
      return;
    case Stage::kPlaying:
    case Stage::kEvents:
      return on_side_answer(message);
    case Stage::kStopped:
      return;
  }
}

void Subscriber::on_greeting(const ControlMessage& message) {
  if (message.type != "connected") {
    return refuse(cli::ExitCode::kRefused,
                  fmt::format("{} is no wskit server: its first message is not `connected`",
                              client_.options().url.display()));
  }
  channels_ = selection_.channels().empty() ? message.channels : selection_.channels();
  if (channels_.empty()) {
    return refuse(cli::ExitCode::kUsage,
                  "no channels: the server has no default ones, so name some, as in wstap 'market/*'");
  }
  const client::Hello& hello = client_.hello();
  listener_.on_detail(fmt::format("{} calls this connection {}, heartbeat {}", hello.server, hello.connection,
                                  cli::format_duration(hello.heartbeat)));
  // Subscribed anew, so that positions and types hold from the first event on.
  if (!message.channels.empty()) client_.send(unsubscribe_command(message.channels));
  if (player_ && listed_ && !present_) {
    answer_timer_.cancel();
    stage_ = Stage::kPlaying;
    return player_->begin();
  }
  if (!player_ || present_) return subscribe();
  // Only to learn where the channels stand.
  client_.send(selection_.subscribe_command(channels_, {}));
  client_.send(unsubscribe_command(channels_));
  stage_ = Stage::kChannels;
}

void Subscriber::subscribe() {
  expect_answer();
  client_.send(selection_.subscribe_command(channels_, first_since()));
  stage_ = Stage::kAnswer;
}

// Nothing: from now on, and where there is too much to resume.
std::optional<protocol::Since> Subscriber::first_since() {
  const bool begins = !subscribed_ && !listed_;
  if (begins && std::holds_alternative<protocol::FromNow>(options_.from)) return std::nullopt;
  protocol::Since since = begins ? options_.from : protocol::Since(book_.resume_point(since_));
  const std::uint64_t said = client_.hello().max_message_bytes;
  const std::uint64_t most = said != 0 ? said : kDefaultMaxMessage;
  // Half of it: the names of the channels come with it.
  if (protocol::to_json(since).size() <= most / 2) return since;
  listener_.on_warning("too many channels to say where each one was left: what was missed shows as gaps");
  return std::nullopt;
}

// Without its epoch, a channel that began anew and has come further than it was
// read looks as if it had gone on.
void Subscriber::ask_epoch(std::string_view channel) {
  std::string id;
  protocol::append_json_string(id, channel);
  client_.send(history_command(id, channel, protocol::FromNow{}, 1));
}

// Of any message, for a server may answer what was not asked.
void Subscriber::on_side_answer(const ControlMessage& message) {
  if (message.id == kStandId && message.type == "subscribed") {
    if (end_ && aim_at_end(channels_of(message), message) && end_->reached()) listener_.on_range_end();
    return;
  }
  if (message.id == kPageId) {
    if (stage_ == Stage::kPlaying) on_page_refused(message);
    return;
  }
  if (message.id == kLookId) return on_look(message);
  if (message.id == kProbeId) return on_probe(message);
  if (message.id == kTypesId) return;
  if (message.id == kUnsubscribeId) {
    probing_ = probing_ && probes_ > 0;
    return;
  }
  // The questions for epochs have the channel's name as their id.
  if (message.id.starts_with('"')) {
    std::string channel;
    const bool named = protocol::append_decoded(channel, message.id.substr(1, message.id.size() - 2));
    if (named) book_.learn_epoch(channel, message.type == "history" ? message.epoch : std::string{});
  } else if (message.type == "error") {
    listener_.on_warning(fmt::format("the server says {}: {}", message.error_code, message.error_message));
  }
}

void Subscriber::tell_where_it_stands(const SubscribedEntry& entry) {
  const std::string place =
      entry.offset ? fmt::format("at {}:{}", entry.epoch, *entry.offset) : "of channels to come";
  listener_.on_detail(fmt::format("subscribed {} {}, {}{} replayed", entry.channel, place,
                                  entry.recovered ? "recovered, " : "", entry.replayed));
}

void Subscriber::on_answer(const ControlMessage& message) {
  if (message.type == "error") {
    const bool passing = message.error_code == "UNAVAILABLE" || message.error_code == "RATE_LIMITED";
    if (subscribed_ && passing) return client_.reconnect(message.error_message);
    if (message.error_code == "UNAUTHORIZED") {
      return refuse(cli::ExitCode::kRefused, client::unauthorized(client_.options(), message.error_message));
    }
    return refuse(cli::ExitCode::kRefused, fmt::format("the server refuses the subscription: {}: {}",
                                                       message.error_code, message.error_message));
  }
  if (message.type != "subscribed") return;
  answer_timer_.cancel();
  if (message.passed_over > 0) {
    listener_.on_warning(fmt::format("passed over {} of the server's answer: {}",
                                     counted(message.passed_over, "channel"), message.fault));
  }
  stage_ == Stage::kChannels ? on_channels(message) : on_subscription(message);
}

void Subscriber::on_subscription(const ControlMessage& message) {
  stage_ = Stage::kEvents;
  Subscribed answer{.entries = {}, .resumed = subscribed_};
  for (const SubscribedEntry& entry : message.subscribed) {
    answer.replayed += entry.replayed;
    answer.entries.push_back({entry.channel, entry.replayed, entry.lists ? entry.matched.size() : 1});
    tell_where_it_stands(entry);
  }
  const std::vector<SubscribedEntry> channels = channels_of(message);
  std::vector<ChannelBook::Hole> incidents;
  for (const SubscribedEntry& entry : channels) {
    std::optional<Incident> incident = book_.subscribed(entry);
    if (incident) incidents.push_back({entry.channel, std::move(*incident)});
  }
  // Where all channels are listed these are among them.
  for (const SubscribedEntry& entry : message.subscribed) {
    if (entry.lists || entry.more_gaps == 0) continue;
    incidents.push_back(
        {entry.channel, {.kind = Incident::Kind::kGapsElsewhere, .missing_channels = entry.more_gaps}});
  }
  // What the list does not name begins later than the list.
  if (unlisted(message).empty()) {
    const bool patterns = std::ranges::any_of(channels_, protocol::looks_like_pattern);
    since_ = time_of(message) - (patterns ? kClockMargin : std::chrono::seconds{0});
  } else if (!since_) {
    since_ = time_of(message);
  }
  if (selection_.server_filters()) quiet_.begins(channels);
  if (!subscribed_) watch_silence();
  subscribed_ = true;
  for (const ChannelBook::Hole& hole : incidents) {
    answer.gaps += std::max<std::uint64_t>(hole.incident.missing_channels, 1);
  }
  listener_.on_subscribed(answer);
  for (const ChannelBook::Hole& hole : incidents) {
    if (!tell(hole.channel, hole.incident)) return;
  }
  if (end_ && aim_at_end(channels, message) && end_->reached()) listener_.on_range_end();
}

// --- the end of the range ----------------------------------------------------

bool Subscriber::aim_at_end(const std::vector<SubscribedEntry>& channels, const ControlMessage& message) {
  if (!end_) return true;
  if (const std::string_view pattern = unlisted(message); !pattern.empty()) {
    refuse(cli::ExitCode::kRefused,
           fmt::format("the server does not list the channels of {}, so their end cannot be told: select "
                       "fewer channels, or leave --end and --until out",
                       pattern));
    return false;
  }
  const SystemMicros now = time_of(message);
  end_->answered(channels, now, [this](std::string_view channel) {
    const std::optional<protocol::Position> position = book_.position(channel);
    return position ? position->offset : 0;
  });
  ask_at_end(now);
  return true;
}

void Subscriber::ask_at_end(SystemMicros now) {
  const std::optional<SystemMicros> time = end_->asks_again();
  if (!time) return;
  end_timer_.expires_after(*time - now + std::chrono::milliseconds{1});
  end_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && stage_ == Stage::kEvents) {
      client_.send(selection_.subscribe_command(channels_, {}, kStandId));
    }
  });
}

// --- playing -----------------------------------------------------------------

void Subscriber::on_channels(const ControlMessage& message) {
  const std::vector<SubscribedEntry> channels = channels_of(message);
  const bool merges = options_.pace_is_a_wish;
  if (merges && channels.size() > kMostMerged) {
    listener_.on_hint(fmt::format(
        "{} channels are too many for one order of time: they come one after the other", channels.size()));
  }
  if (merges && (channels.size() <= 1 || channels.size() > kMostMerged || !unlisted(message).empty())) {
    return replay_by_channel();
  }
  if (const std::string_view pattern = unlisted(message); !pattern.empty()) {
    return refuse(cli::ExitCode::kRefused,
                  fmt::format("the server does not list the channels of {}, so they cannot be played: select "
                              "fewer channels, or leave --speed out",
                              pattern));
  }
  stage_ = Stage::kPlaying;
  listed_ = true;
  since_ = time_of(message) - kClockMargin;
  for (const SubscribedEntry& entry : channels) {
    player_->add(entry.channel, since_of(options_.from, entry.channel));
  }
  listener_.on_playing(channels.size());
  if (!aim_at_end(channels, message)) return;
  if (end_ && end_->reached()) return listener_.on_range_end();
  player_->begin();
}

void Subscriber::ask_page(std::string_view channel, const protocol::Since& since, std::size_t limit) {
  client_.send(history_command(kPageId, channel, since, limit));
}

void Subscriber::on_page_refused(const ControlMessage& message) {
  if (message.type != "error") {
    return refuse(cli::ExitCode::kRefused, "the server answers `history` with what is no page of it");
  }
  if (message.error_code == "NOT_FOUND") return player_->on_nothing();
  if (message.error_code == "RATE_LIMITED" || message.error_code == "UNAVAILABLE") {
    return player_->on_not_now();
  }
  if (options_.pace_is_a_wish && !player_->at()) return replay_by_channel();
  refuse(cli::ExitCode::kRefused,
         fmt::format("the server refuses the history: {}: {}", message.error_code, message.error_message));
}

void Subscriber::replay_by_channel() {
  player_.reset();
  listed_ = false;
  subscribe();
}

void Subscriber::on_played_from(const SubscribedEntry& entry) {
  static_cast<void>(tell(entry.channel, book_.subscribed(entry)));
}

void Subscriber::on_present() {
  present_ = true;
  if (stage_ == Stage::kPlaying) subscribe();
}

// --- silence -----------------------------------------------------------------

void Subscriber::watch_silence() {
  if (end_) return;  // which says by itself that nothing comes
  silence_timer_.expires_after(kSilence);
  silence_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || !silent_ || stage_ != Stage::kEvents) return;
    looked_ = true;
    look();
  });
}

// Subscribes anew to what is subscribed: the answer says where the channels stand.
void Subscriber::look() { client_.send(selection_.subscribe_command(channels_, {}, kLookId)); }

void Subscriber::on_look(const ControlMessage& message) {
  if (message.type != "subscribed") return;
  const std::vector<SubscribedEntry> channels = channels_of(message);
  left_out_ = selection_.server_filters() ? quiet_.others(channels) : 0;
  if (!silent_) return;
  if (left_out_ > 0) {
    const auto busiest = std::ranges::max_element(
        channels, {}, [](const SubscribedEntry& entry) { return entry.offset.value_or(0); });
    client_.send(
        history_command(kTypesId, busiest->channel, protocol::FromLast{kLookedAtEvents}, kLookedAtEvents));
    return;
  }
  nothing_ = Quiet::empty_ones(message.subscribed);
  std::vector<std::string> probes;
  for (const std::string& name : nothing_) {
    for (std::string& probe : Quiet::probes(name)) {
      const bool is_ours = std::ranges::find(channels_, probe) != channels_.end();
      if (!is_ours && std::ranges::find(probes, probe) == probes.end()) probes.push_back(std::move(probe));
    }
  }
  if (probes.empty() || selection_.channels().empty()) return tell_nothing();
  probing_ = true;
  // One by one: some may not be permitted.
  probes_ = probes.size();
  for (const std::string& probe : probes) {
    client_.send(selection_.subscribe_command({probe}, {}, kProbeId));
    client_.send(unsubscribe_command({probe}));
  }
}

void Subscriber::on_probe(const ControlMessage& message) {
  for (const SubscribedEntry& entry : message.subscribed) {
    for (const SubscribedEntry& channel : entry.matched) {
      if (channel.offset.value_or(0) > 0) there_.push_back(channel.channel);
    }
  }
  if (probes_ > 0 && --probes_ == 0) tell_nothing();
}

void Subscriber::tell_nothing() {
  const std::vector<std::string> there = std::exchange(there_, {});
  for (const std::string& name : std::exchange(nothing_, {})) {
    std::vector<std::string> similar;
    const std::vector<std::string> probes = Quiet::probes(name);
    std::ranges::copy_if(there, std::back_inserter(similar), [&](const std::string& channel) {
      return std::ranges::any_of(probes, [&](const std::string& probe) {
        const auto pattern = protocol::Pattern::parse(probe);
        return pattern && pattern->matches(channel);
      });
    });
    listener_.on_hint(Quiet::told(name, similar));
  }
}

void Subscriber::on_types(const HistoryPage& page) {
  if (!silent_) return;
  std::vector<std::string> types;
  for (const std::string_view text : page.events) {
    const auto event = protocol::decode_event(text, decoded_);
    if (event && std::ranges::find(types, event->type) == types.end()) types.emplace_back(event->type);
  }
  listener_.on_hint(fmt::format("{} came, and none of the types asked for{}", counted(left_out_, "event"),
                                types.empty() ? "" : fmt::format("; there are {}", fmt::join(types, ", "))));
}

// --- the end -----------------------------------------------------------------

void Subscriber::refuse(cli::ExitCode code, std::string message) {
  refusal_code_ = code;
  refusal_ = std::move(message);
  stop();
}

void Subscriber::on_disconnect(const client::Failure& why, std::chrono::nanoseconds retry_in,
                               bool /*was_open*/) {
  answer_timer_.cancel();
  if (player_) player_->lose_connection();
  if (stage_ != Stage::kStopped) stage_ = Stage::kGreeting;
  report_holes(std::chrono::steady_clock::now() - kHolePatience);
  book_.forget_holes_of_merges();
  report_holes(std::nullopt);
  if (stage_ != Stage::kStopped) listener_.on_disconnect(why, retry_in);
}

void Subscriber::on_end(const client::Failure& why) {
  answer_timer_.cancel();
  holes_timer_.cancel();
  end_timer_.cancel();
  silence_timer_.cancel();
  if (player_) player_->stop();
  // After a stop of ours, a young hole may only not have been filled yet.
  const bool stopped = stage_ == Stage::kStopped;
  report_holes(stopped ? std::optional(std::chrono::steady_clock::now() - kHolePatience) : std::nullopt);
  if (!refusal_.empty()) return listener_.on_end(refusal_code_, refusal_);
  listener_.on_end(cli::exit_code(why.kind), why.message);
}

}  // namespace wskit::tap
