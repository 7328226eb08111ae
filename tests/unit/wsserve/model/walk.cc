#include "walk.h"

#include <fmt/format.h>
#include <poll.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "wsserve/store/sqlite_broker.h"

namespace wskit::server::model {
namespace {

using namespace std::chrono_literals;
using protocol::FromLast;
using protocol::FromNow;
using protocol::FromPositions;
using protocol::FromStart;

constexpr std::array kChannels{"a", "b", "m/x", "m/y", "m/z/deep", "l/p", "l/q"};
constexpr std::array kPatterns{"*", "**", "m/*", "m/**", "l/*", "m/*/deep"};
constexpr std::array kTypes{"t0", "t1", "t2"};
constexpr std::array kKeys{"", "", R"("k0")", R"("k1")", R"("k2")"};

constexpr std::size_t kTaps = 6;
constexpr auto kHeartbeat = 300ms;
// Never waited for but where something has gone wrong.
constexpr auto kDeadline = 60s;

bool overlap(const std::string& one, const std::string& other) {
  return std::ranges::any_of(kChannels, [&](const char* channel) {
    return Wish{.name = one, .types = {}}.selects(channel) &&
           Wish{.name = other, .types = {}}.selects(channel);
  });
}

bool is_pattern(const std::string& name) { return protocol::looks_like_pattern(name); }

}  // namespace

WalkTotals& WalkTotals::operator+=(const WalkTotals& other) {
  steps += other.steps;
  published += other.published;
  delivered += other.delivered;
  merged += other.merged;
  replayed += other.replayed;
  gaps += other.gaps;
  heartbeats += other.heartbeats;
  cuts += other.cuts;
  too_slow += other.too_slow;
  restarts += other.restarts;
  losses += other.losses;
  return *this;
}

std::string WalkTotals::describe() const {
  return fmt::format(
      "{} steps, {} events: {} delivered, {} merged, {} replayed, {} gaps; {} cuts, {} too slow, {} "
      "restarts, {} losses, {} heartbeats",
      steps, published, delivered, merged, replayed, gaps, cuts, too_slow, restarts, losses, heartbeats);
}

Walk::Walk(std::uint32_t seed, Keeps keeps, const MakeTamper& make_tamper) : random_(seed), keeps_(keeps) {
  socket_path_ = scratch_.path() / "s";
  shards_ = 1 + below(3);
  settings_ = some_settings();
  const HistoryLimits& history = settings_.channels.defaults.history;
  const bool exact =
      history.max_age.count() == 0 && settings_.hub.max_history_bytes == HubLimits{}.max_history_bytes;
  reference_ = std::make_unique<Reference>(
      ReferenceRules{.history = history, .exact = exact, .trims_ahead = keeps_ != Keeps::kInMemory});
  // What a connection that is gone by then lost, or sent again, is not counted back.
  if (keeps_ == Keeps::kFarAway) published_before_.reset();
  start_server();
  for (std::size_t i = 1 + below(3); i > 0; --i) {
    publishers_.push_back(
        std::make_unique<Publisher>(fmt::format("p{}", i), socket_path_, broker_for_publishers(),
                                    one_in(2) ? Publisher::Marks::kSequences : Publisher::Marks::kDedupIds));
  }
  const std::string target =
      fmt::format("/ws?heartbeat={}", std::chrono::duration<double>(kHeartbeat).count());
  for (std::size_t i = 0; i < kTaps; ++i) {
    taps_.push_back(std::make_unique<Tap>(fmt::format("tap {}", i),
                                          Tap::Ways{socket_path_, target, one_in(3)},
                                          make_tamper ? make_tamper() : nullptr));
  }
}

Walk::~Walk() { server_.reset(); }

void Walk::complain(const std::string& what) {
  if (complaint_.empty()) complaint_ = what;
}

// --- The server --------------------------------------------------------------

Settings Walk::some_settings() {
  Settings settings;
  HistoryLimits& history = settings.channels.defaults.history;
  constexpr std::array<std::size_t, 5> kEvents{0, 3, 30, 1'000, 100'000};
  constexpr std::array<std::size_t, 4> kBytes{1'000, 20'000, 16 << 20, 16 << 20};
  history.max_events = any_of(kEvents);
  history.max_bytes = any_of(kBytes);
  history.max_age = one_in(5) ? 20ms : 0ms;
  settings.channels.defaults.stored = history;
  if (one_in(5)) settings.hub.max_history_bytes = 20'000;
  settings.channels.defaults.dedup = {.max_ids = 1'000'000, .max_age = 1h};
  if (one_in(2)) {
    ChannelRule latest;
    latest.patterns.push_back(*protocol::Pattern::parse("l/**"));
    latest.delivery = DeliveryMode::kLatest;
    settings.channels.rules.push_back(std::move(latest));
  }
  if (keeps_ != Keeps::kInMemory) {
    settings.channels.defaults.durable = true;
    if (one_in(3)) {
      ChannelRule memory;
      memory.patterns.push_back(*protocol::Pattern::parse("m/**"));
      memory.durable = false;
      settings.channels.rules.push_back(std::move(memory));
    }
  }
  constexpr std::array<std::size_t, 3> kQueue{20'000, 200'000, 1 << 20};
  settings.queue_limit_bytes = any_of(kQueue);
  // However long a reader does not read, it is told why it was closed.
  settings.close_timeout = kDeadline;
  settings.handshake_timeout = kDeadline;
  settings.deflate.enabled = !one_in(4);
  settings.deflate.server_context_takeover = one_in(2);
  return settings;
}

std::string Walk::plan() const {
  const HistoryLimits& history = settings_.channels.defaults.history;
  const char* kept = all_survive()                ? ", all durable"
                     : keeps_ != Keeps::kInMemory ? ", durable but for m/**"
                                                  : "";
  return fmt::format("{} shards{}, history of {} events, {} bytes, {} us, {} bytes in all, queue of {} bytes",
                     shards_, kept, history.max_events, history.max_bytes, history.max_age.count(),
                     settings_.hub.max_history_bytes, settings_.queue_limit_bytes);
}

void Walk::start_server() {
  std::vector<std::unique_ptr<Listener>> listeners;
  listeners.push_back(
      std::make_unique<Listener>(ListenAddress{.host = {}, .port = {}, .unix_path = socket_path_}));
  server_ = std::make_unique<Server>(settings_, shards_, std::move(listeners), open_broker());
  server_->start();
}

Publisher::Broker Walk::broker_for_publishers() const {
  switch (keeps_) {
    case Keeps::kInMemory:
      return Publisher::Broker::kPrompt;
    case Keeps::kInStore:
      return Publisher::Broker::kWaits;
    case Keeps::kFarAway:
      break;
  }
  return Publisher::Broker::kRefuses;
}

std::unique_ptr<broker::Broker> Walk::open_broker() {
  if (keeps_ == Keeps::kInMemory) return std::make_unique<broker::MemoryBroker>();
  if (keeps_ == Keeps::kFarAway) {
    auto late = std::make_unique<broker::LateBroker>(
        far_end_,
        broker::LateBroker::Temper{.seed = static_cast<std::uint32_t>(below(1'000)), .cut_one_in = 30});
    late_ = late.get();
    return late;
  }
  store::Options options;
  options.path = scratch_.path() / "events.db";
  options.make_epoch = [] { return random_token(8); };
  options.retention_for = [rules = settings_.channels](std::string_view channel) {
    const ChannelOptions limits = rules.options_for(channel);
    return store::Retention{.history = limits.stored, .dedup = limits.dedup};
  };
  auto store = store::Store::open(std::move(options));
  if (!store) throw std::runtime_error(store.error().message);
  return std::make_unique<store::SqliteBroker>(std::move(*store));
}

bool Walk::all_survive() const {
  return std::ranges::all_of(kChannels, [this](const char* channel) { return survives(channel); });
}

bool Walk::survives(const std::string& channel) const {
  return keeps_ != Keeps::kInMemory && settings_.channels.options_for(channel).durable;
}

std::uint64_t Walk::events_known() const {
  std::uint64_t events = 0;
  for (const auto& [name, channel] : reference_->channels())
    events += channel.newest() - channel.lost_up_to();
  return events;
}

// Everybody loses the connection. Durable channels go on where they were, others
// begin anew in another epoch.
void Walk::restart_server() {
  ++totals_.restarts;
  for (const auto& tap : taps_) {
    if (tap->connected()) left_.push_back(tap->leave());
  }
  const auto gone = [this](const std::string& channel) { return !survives(channel); };
  // Events may be under way: what the new server counts of them nobody can say.
  if (all_survive()) {
    published_before_.reset();
  } else {
    judge_left();
    const std::uint64_t before = events_known();
    reference_->forget_if(gone);
    published_before_ = events_known();
    totals_.published += before - *published_before_;
    if (keeps_ == Keeps::kFarAway) published_before_.reset();
    for (Bookmark& bookmark : bookmarks_) {
      std::erase_if(bookmark.newest, [&](const auto& entry) { return gone(entry.first); });
    }
  }
  server_.reset();
  start_server();
  for (const auto& publisher : publishers_) publisher->connect();
}

// The far end loses everything while nobody listens. Positions from before are of an epoch
// that is over.
void Walk::lose_events() {
  ++totals_.losses;
  for (const auto& tap : taps_) {
    if (tap->connected()) left_.push_back(tap->leave());
  }
  judge_left();
  late_->lose_events();
  for (const char* name : kChannels) {
    if (!survives(name) || reference_->find(name) == nullptr) continue;
    reference_->channel(name).lose_events(far_end_->place(name, {}).newest);
  }
}

void Walk::check_stats() {
  const auto stats = nlohmann::json::parse(server_->stats(auth::Identity{}));
  if (published_before_ && stats.at("published") != events_known() - *published_before_) {
    complain(fmt::format("the server counts {} events, {} were published", stats.at("published").dump(),
                         events_known() - *published_before_));
  }
  if (stats.at("history_bytes") > settings_.hub.max_history_bytes) {
    complain("the histories take more than they may: " + stats.dump());
  }
}

// --- Steps -------------------------------------------------------------------

void Walk::go(int rounds) {
  for (int round = 0; round < rounds && complaint_.empty(); ++round) {
    for (std::size_t i = 5 + below(20); i > 0 && complaint_.empty(); --i) {
      step();
      if (one_in(2)) pump(0);
    }
    settle();
    if (complaint_.empty()) check_stats();
    for (std::size_t i = below(4); i > 0 && complaint_.empty(); --i) quiet_step(*any_of(taps_));
    if (complaint_.empty() && keeps_ == Keeps::kFarAway && one_in(8)) lose_events();
    if (!complaint_.empty() || !one_in(12)) continue;
    for (std::size_t i = below(8); i > 0 && all_survive() && complaint_.empty(); --i) step();
    if (complaint_.empty()) restart_server();
  }
  if (complaint_.empty()) settle();
  if (complaint_.empty()) await_heartbeats();
  // What is still under way nobody can judge.
  if (!complaint_.empty()) return;
  for (const auto& tap : taps_) {
    if (tap->connected()) left_.push_back(tap->leave());
  }
  judge_left();
  totals_.published += events_known();
}

void Walk::step() {
  ++totals_.steps;
  switch (below(10)) {
    case 0:
    case 1:
    case 2:
      return publish(1 + below(8), below(60));
    case 3:
      // As much as a reader that does not read cannot take.
      return one_in(3) ? publish(300, 1'000) : publish(30, 100);
    case 4:
      return one_in(3) ? publishers_[below(publishers_.size())]->connect() : publish_again();
    case 5:
      return server_->tidy();
    default:
      return step_of_a_tap(*any_of(taps_));
  }
}

ReferenceEvent Walk::some_event(std::size_t data_bytes) {
  return {.type = any_of(kTypes),
          .key = any_of(kKeys),
          .data = fmt::format(R"({{"n":{},"x":"{}"}})", events_made_, std::string(data_bytes, 'x')),
          .dedup = fmt::format("e{}", ++events_made_),
          .acknowledged_at = {}};
}

void Walk::publish(std::size_t events, std::size_t data_bytes) {
  std::vector<Publisher::Event> batch;
  const bool one_channel = one_in(2);
  const std::string channel = any_of(kChannels);
  for (std::size_t i = 0; i < events; ++i) {
    batch.push_back({one_channel ? channel : any_of(kChannels), some_event(data_bytes)});
  }
  publishers_[below(publishers_.size())]->publish(std::move(batch), ++now_);
}

void Walk::publish_again() {
  if (reference_->channels().empty()) return;
  auto channel = reference_->channels().begin();
  std::advance(channel, below(reference_->channels().size()));
  const std::uint64_t lost = channel->second.lost_up_to();
  if (channel->second.newest() == lost) return;
  const ReferenceEvent& event = channel->second.at(lost + 1 + below(channel->second.newest() - lost));
  publishers_[below(publishers_.size())]->publish({{channel->first, event}}, ++now_);
}

Asked Walk::asked_now(bool quiet) {
  return {.wishes = {}, .since = {}, .bookmark = {}, .sent = ++now_, .quiet = quiet};
}

void Walk::step_of_a_tap(Tap& tap) {
  if (!tap.connected()) return come_back(tap);
  switch (below(6)) {
    case 0:
      tap.stalled = true;
      return;
    case 1:
      tap.stalled = false;
      return;
    case 2:
      return cut(tap);
    case 3: {
      if (tap.wishes.empty()) return;
      const std::string name = any_of(tap.wishes).name;
      if (std::ranges::count_if(tap.wishes, [&](const Wish& wish) { return overlap(wish.name, name); }) > 1)
        return;
      tap.unsubscribe(name, asked_now());
      std::erase_if(tap.wishes, [&](const Wish& wish) { return wish.name == name; });
      return;
    }
    default:
      return subscribe_something(tap, false);
  }
}

void Walk::cut(Tap& tap) {
  ++totals_.cuts;
  left_.push_back(tap.leave());
  tap.stalled = false;
  if (one_in(2)) come_back(tap);
}

Wish Walk::some_wish(std::string name) {
  Wish wish{.name = std::move(name), .types = {}};
  if (one_in(3)) {
    wish.types.emplace();
    for (const char* type : kTypes) {
      if (one_in(2)) wish.types->emplace_back(type);
    }
    if (wish.types->empty()) wish.types->emplace_back("t9");
  }
  if (one_in(5)) wish.conflate = true;
  if (one_in(6)) wish.max_rate = one_in(2) ? 200 : 50;
  return wish;
}

protocol::Since Walk::some_since(Tap& tap, bool pattern, Asked& asked) {
  switch (below(6)) {
    case 0:
      return FromNow{};
    case 1:
      return FromStart{};
    case 2:
      return FromLast{below(20)};
    case 3:
      if (bookmarks_.empty()) return FromStart{};
      asked.bookmark = any_of(bookmarks_);
      return asked.bookmark->time;
    default: {
      FromPositions map{.positions = tap.positions, .time = {}};
      if (!bookmarks_.empty() && one_in(2)) {
        asked.bookmark = any_of(bookmarks_);
        map.time = asked.bookmark->time;
      }
      if (!pattern && one_in(4)) return protocol::Position{.offset = below(40), .epoch = {}};
      return map;
    }
  }
}

void Walk::subscribe_something(Tap& tap, bool quiet) {
  const std::string name = one_in(2) ? any_of(kChannels) : any_of(kPatterns);
  Wish wish = some_wish(name);
  for (const Wish& known : tap.wishes) {
    if (known.name == name) return;
    if (!overlap(known.name, name)) continue;
    if (!quiet) return;
    // Which of two patterns' filters held when is not told.
    if (is_pattern(name) && is_pattern(known.name))
      wish = {name, known.types, known.conflate, known.max_rate};
  }
  Asked asked = asked_now(quiet);
  const protocol::Since since = some_since(tap, is_pattern(name), asked);
  tap.wishes.push_back(wish);
  tap.subscribe({wish}, since, std::move(asked));
}

// A new connection, and everything it wishes to hear from where it was.
void Walk::come_back(Tap& tap) {
  tap.connect(*reference_, settings_.channels);
  // Patterns first: a name's answer says where it stands, so what it joins is known.
  std::ranges::stable_sort(tap.wishes, {}, [](const Wish& wish) { return !is_pattern(wish.name); });
  for (const Wish& wish : tap.wishes) {
    Asked asked = asked_now();
    const auto known = tap.positions.find(wish.name);
    if (known != tap.positions.end() && one_in(2)) {
      tap.subscribe({wish}, known->second, std::move(asked));
    } else if (one_in(2)) {
      tap.subscribe({wish}, FromPositions{.positions = tap.positions, .time = {}}, std::move(asked));
    } else {
      const protocol::Since since = some_since(tap, is_pattern(wish.name), asked);
      tap.subscribe({wish}, since, std::move(asked));
    }
  }
}

void Walk::ended_by_the_server(Tap& tap) {
  const WireClient& client = tap.client();
  if (!client.broken().empty()) complain(tap.name() + ": " + client.broken());
  switch (client.close_code()) {
    case protocol::CloseCode::kSlowConsumer:
      ++totals_.too_slow;
      break;
    case protocol::CloseCode::kHeartbeatTimeout:
      if (tap.longest_absence() < kHeartbeat) complain(tap.name() + " was called silent, and is not");
      break;
    default:
      complain(fmt::format("{} was closed with {} ({})", tap.name(), static_cast<int>(client.close_code()),
                           client.close_reason()));
  }
  left_.push_back(tap.leave());
  tap.stalled = false;
}

void Walk::quiet_step(Tap& tap) {
  if (!tap.connected() || tap.stalled || !tap.audit().complete()) return;
  ++totals_.steps;
  if (tap.wishes.empty() || one_in(2)) {
    subscribe_something(tap, true);
  } else if (one_in(2)) {
    const std::string name = any_of(tap.wishes).name;
    tap.unsubscribe(name, asked_now(true));
    std::erase_if(tap.wishes, [&](const Wish& wish) { return wish.name == name; });
  } else {
    Wish& wish = tap.wishes[below(tap.wishes.size())];
    const bool alone = std::ranges::none_of(tap.wishes, [&](const Wish& other) {
      return &other != &wish && is_pattern(other.name) && overlap(other.name, wish.name);
    });
    if (!alone) return;
    const Wish changed = some_wish(wish.name);
    wish = wish.and_then(changed);
    tap.subscribe({changed}, FromNow{}, asked_now(true));
  }
  settle();
}

// --- Coming to rest ------------------------------------------------------------

void Walk::pump(int timeout_ms) {
  std::vector<pollfd> sockets;
  const auto watch = [&](WireClient& client) {
    const int events = POLLIN | (client.wants_to_write() ? POLLOUT : 0);
    sockets.push_back({client.fd(), static_cast<short>(events), 0});
  };
  for (const auto& publisher : publishers_) watch(publisher->client());
  for (const auto& tap : taps_) {
    if (tap->connected() && !tap->stalled) watch(tap->client());
  }
  if (timeout_ms > 0) ::poll(sockets.data(), sockets.size(), timeout_ms);
  ++now_;
  for (const auto& publisher : publishers_) {
    if (const std::string wrong = publisher->pump(*reference_, now_); !wrong.empty()) complain(wrong);
  }
  for (const auto& tap : taps_) {
    if (!tap->connected() || tap->stalled) continue;
    tap->pump(now_, *reference_);
    if (tap->client().ended()) ended_by_the_server(*tap);
  }
}

bool Walk::await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (complaint_.empty()) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    pump(20);
  }
  return false;
}

void Walk::judge(Tap& tap) {
  tap.audit().judge();
  if (tap.audit().complaint().empty()) return;
  complain(fmt::format("{}: {}, with {}", tap.name(), tap.audit().complaint(), tap.audit().describe()));
}

void Walk::judge_left() {
  for (const auto& audit : left_) {
    audit->judge();
    if (!audit->complaint().empty()) {
      complain(fmt::format("a connection that is gone: {}, with {}", audit->complaint(), audit->describe()));
    }
    totals_.delivered += audit->delivered();
    totals_.merged += audit->merged();
    totals_.replayed += audit->replayed();
    totals_.gaps += audit->declared_gaps();
    totals_.heartbeats += audit->heartbeats();
  }
  left_.clear();
}

void Walk::settle() {
  for (const auto& tap : taps_) {
    if (tap->stalled && one_in(2)) tap->stalled = false;
  }
  if (!await(
          [&] { return std::ranges::all_of(publishers_, [](const auto& each) { return each->idle(); }); })) {
    return complain("a publisher waits for its acknowledgements");
  }
  for (const auto& [name, channel] : reference_->channels()) {
    if (!channel.contiguous()) return complain(name + ": the acknowledged offsets have a hole");
  }
  judge_left();
  const auto at_rest = [&](const std::unique_ptr<Tap>& tap) {
    if (!tap->connected() || tap->stalled) return true;
    judge(*tap);
    return tap->audit().complete();
  };
  if (!await([&] { return std::ranges::all_of(taps_, at_rest); })) {
    for (const auto& tap : taps_) {
      if (!at_rest(tap)) complain(fmt::format("{} waits for {}", tap->name(), tap->audit().missing()));
    }
    return;
  }
  fence();
  judge_left();
  bookmarks_.push_back(reference_->bookmark());
}

// Whatever more a connection would be told has come when it has had two answers:
// a shard hands out what it has before it reads the second question.
void Walk::fence() {
  for (int i = 0; i < 2; ++i) {
    const std::string id = fmt::format("fence {}", ++fences_);
    std::vector<Tap*> asked;
    for (const auto& tap : taps_) {
      if (!tap->connected() || tap->stalled) continue;
      tap->ping(id);
      asked.push_back(tap.get());
    }
    const auto answered = [&](Tap* tap) { return !tap->connected() || tap->last_pong() == id; };
    if (!await([&] { return std::ranges::all_of(asked, answered); }))
      return complain("a ping is not answered");
  }
  for (const auto& tap : taps_) {
    if (tap->connected() && !tap->stalled) judge(*tap);
  }
}

void Walk::await_heartbeats() {
  for (const auto& tap : taps_) {
    if (tap->connected() && !tap->stalled) tap->audit().expect_full_count();
  }
  const auto counted = [&](const std::unique_ptr<Tap>& tap) {
    if (!tap->connected() || tap->stalled) return true;
    judge(*tap);
    return tap->audit().counted();
  };
  if (!await([&] { return std::ranges::all_of(taps_, counted); })) complain("a heartbeat does not come");
}

}  // namespace wskit::server::model
