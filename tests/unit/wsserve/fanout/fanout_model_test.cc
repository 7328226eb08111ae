// The fan-out against a naive reference: a list of who subscribed what and when,
// searched from end to end for each event.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "common/protocol/channel.h"
#include "fanout_fixture.h"

namespace wskit::server {
namespace {

constexpr std::array kChannels{"a", "m/x", "m/y", "m/z/deep", "news"};
constexpr std::array kPatterns{"*", "**", "m/*", "m/**", "m/*/deep"};
constexpr std::array kTypes{"t0", "t1", "t2"};

struct Event {
  std::string name;  // "m/x:3"
  std::string channel;
  std::string type;
  std::uint64_t number;
};

struct Wish {
  std::uint64_t since;  // the number of the newest event then
  TypeFilterPtr filter;
};

// What one subscriber must have been handed by one turn.
struct Due {
  std::vector<std::string> events;
  std::uint64_t filtered = 0;
};

class Reference {
 public:
  void subscribe(const std::string& who, const std::string& name, TypeFilterPtr filter) {
    wishes_[who][name] = {last_number_, std::move(filter)};
  }
  void unsubscribe(const std::string& who, const std::string& name) { wishes_[who].erase(name); }
  void filter(const std::string& who, const std::string& name, TypeFilterPtr filter) {
    wishes_[who][name].filter = std::move(filter);
  }
  void publish(const std::string& channel, const std::string& type, std::uint64_t offset) {
    pending_.push_back({fmt::format("{}:{}", channel, offset), channel, type, ++last_number_});
  }

  [[nodiscard]] std::vector<std::string> names_of(const std::string& who) const {
    std::vector<std::string> names;
    const auto known = wishes_.find(who);
    if (known == wishes_.end()) return names;
    for (const auto& [name, wish] : known->second) names.push_back(name);
    return names;
  }

  // Everything pending, shared out as of now.
  [[nodiscard]] std::map<std::string, Due> share_out() {
    std::map<std::string, Due> due;
    for (const auto& [who, wishes] : wishes_) {
      for (const Event& event : pending_) add_if_due(event, wishes, due[who]);
    }
    pending_.clear();
    return due;
  }

 private:
  static void add_if_due(const Event& event, const std::map<std::string, Wish>& wishes, Due& due) {
    bool wanted = false;
    bool passes = false;
    for (const auto& [name, wish] : wishes) {
      if (event.number <= wish.since || !protocol::Pattern::parse(name)->matches(event.channel)) continue;
      wanted = true;
      passes = passes || wish.filter == nullptr || wish.filter->passes(event.type);
    }
    if (passes) due.events.push_back(event.name);
    if (wanted && !passes) ++due.filtered;
  }

  std::uint64_t last_number_ = 0;
  std::vector<Event> pending_;
  std::map<std::string, std::map<std::string, Wish>> wishes_;
};

class FanoutWalk {
 public:
  explicit FanoutWalk(std::uint32_t seed) : random_(seed) {
    for (std::size_t i = 0; i < 8; ++i) add_subscriber();
  }

  void step() {
    for (std::size_t i = below(6); i > 0; --i) change_something();
    for (std::size_t i = below(8); i > 0; --i) publish();
    turn();
  }

  // Nobody listens any more: the shard must come to hear of nothing.
  void end() {
    for (const std::string& who : subscribers_) leave_all(who);
    turn();
    for (const char* channel : kChannels) fixture_.publish(channel);
    fixture_.turn();
    for (const char* channel : kChannels) fixture_.publish(channel);
    EXPECT_FALSE(fixture_.inbox().has_work());
  }

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  template <class Values>
  auto& any_of(Values& values) {
    return values[below(values.size())];
  }

  void add_subscriber() {
    constexpr std::array kForms{WireForm::kPlain, WireForm::kPlain, WireForm::kDeflated, WireForm::kOwn};
    subscribers_.push_back(fmt::format("s{}", ++made_));
    fixture_.who(subscribers_.back(), any_of(kForms));
  }

  TypeFilterPtr some_filter() {
    if (below(2) == 0) return nullptr;
    std::vector<std::string> types;
    for (const char* type : kTypes) {
      if (below(2) == 0) types.emplace_back(type);
    }
    return TypeFilter::only(std::move(types));
  }

  void publish() {
    const std::string channel = any_of(kChannels);
    const std::string type = any_of(kTypes);
    const std::string data = below(3) == 0 ? fmt::format("\"{}\"", std::string(100 + below(200), 'x')) : "1";
    reference_.publish(channel, type, fixture_.publish(channel, type, data));
  }

  void change_something() {
    const std::string who = any_of(subscribers_);
    const std::vector<std::string> names = reference_.names_of(who);
    const std::size_t choice = below(4);
    if (choice < 2 || names.empty()) return subscribe(who);
    const std::string& name = any_of(names);
    if (choice == 2) {
      fixture_.leave(who, name);
      reference_.unsubscribe(who, name);
    } else {
      const TypeFilterPtr filter = some_filter();
      fixture_.filter(who, name, filter);
      reference_.filter(who, name, filter);
    }
  }

  void subscribe(const std::string& who) {
    const std::string name = below(2) == 0 ? any_of(kChannels) : any_of(kPatterns);
    if (std::ranges::count(reference_.names_of(who), name) > 0) return;
    const TypeFilterPtr filter = some_filter();
    fixture_.join(who, name, filter);
    reference_.subscribe(who, name, filter);
  }

  void leave_all(const std::string& who) {
    for (const std::string& name : reference_.names_of(who)) {
      fixture_.leave(who, name);
      reference_.unsubscribe(who, name);
    }
  }

  // Its connection is lost in the middle of the turn: it has everything that the
  // turn held for it or nothing, and stays as it is.
  void lose_one(std::map<std::string, Due>& due) {
    const std::size_t index = below(subscribers_.size());
    const std::string who = subscribers_[index];
    fixture_.fanout().forget(fixture_.who(who));
    leave_all(who);
    const std::string received = fixture_.received(who);
    const std::string expected = fmt::to_string(fmt::join(due[who].events, " "));
    EXPECT_TRUE(received.empty() || received == expected)
        << received << " is neither nothing nor " << expected;
    due.erase(who);
    lost_.push_back(who);
    subscribers_.erase(subscribers_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void turn() {
    std::map<std::string, Due> due = reference_.share_out();
    std::map<std::string, std::uint64_t> filtered;
    std::map<std::string, std::size_t> deliveries;
    for (const std::string& who : subscribers_) {
      filtered[who] = fixture_.who(who).filtered();
      deliveries[who] = fixture_.who(who).deliveries();
    }
    fixture_.turn(1 + below(4), [&] {
      if (below(3) == 0) publish();
      if (below(3) == 0) change_something();
      if (below(20) == 0 && subscribers_.size() > 2) lose_one(due);
    });
    for (const std::string& who : subscribers_) {
      const Recorder& recorder = fixture_.who(who);
      ASSERT_EQ(fixture_.received(who), fmt::to_string(fmt::join(due[who].events, " "))) << who;
      ASSERT_EQ(recorder.filtered() - filtered[who], due[who].filtered) << who;
      ASSERT_EQ(recorder.deliveries() - deliveries[who], due[who].events.empty() ? 0U : 1U) << who;
    }
    for (const std::string& who : lost_) ASSERT_EQ(fixture_.received(who), "") << who;
    while (subscribers_.size() < 8) add_subscriber();
  }

  std::mt19937 random_;
  FanoutFixture fixture_;
  Reference reference_;
  std::vector<std::string> subscribers_;
  std::vector<std::string> lost_;
  int made_ = 0;
};

TEST(FanoutModelTest, AgreesWithANaiveReferenceOnRandomWalks) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    FanoutWalk walk(seed);
    for (int step = 0; step < 100 && !testing::Test::HasFailure(); ++step) walk.step();
    walk.end();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace wskit::server
