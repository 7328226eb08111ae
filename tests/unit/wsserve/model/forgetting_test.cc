// Channels that are forgotten and made anew all the time, while others subscribe and
// publish them: whoever hears a channel misses nothing, and no place in an epoch is
// given twice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/scratch_folder.h"
#include "wire_client.h"
#include "wsserve/server/server.h"

namespace wskit::server::model {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::array<const char*, 3> kChannels{"f/a", "f/b", "f/c"};
constexpr const char* kPattern = "f/*";
constexpr const char* kFence = "\"fence\"";

// One connection, and what it must hear next.
class Reader {
 public:
  explicit Reader(const std::string& socket_path) : client_(socket_path, "/ws?heartbeat=0", false) {}

  // What it hears changes only once all before is answered: a change from a pattern to
  // a name in one breath may leave a hole.
  void subscribe(const std::string& name) {
    if (quiet() && wanted_.insert(name).second)
      command(R"("action":"subscribe","channels":[")" + name + R"("])");
  }
  void unsubscribe(const std::string& name) {
    if (quiet() && wanted_.erase(name) > 0)
      command(R"("action":"unsubscribe","channels":[")" + name + R"("])");
  }
  void publish(const std::string& channel, const std::string& data) {
    command(fmt::format(R"("action":"publish","channel":"{}","type":"t","data":{})", channel, data));
  }
  void leave_all() {
    wanted_.clear();
    command(R"("action":"unsubscribe","channels":["f/a","f/b","f/c","f/*"])");
  }

  [[nodiscard]] bool quiet() const { return answered_ == asked_; }
  [[nodiscard]] bool hears(const std::string& channel) const {
    return subscribed_.contains(channel) || subscribed_.contains(kPattern);
  }
  [[nodiscard]] std::size_t fences(const std::string& channel) const {
    const auto known = fences_.find(channel);
    return known == fences_.end() ? 0 : known->second;
  }

  // Takes what has come; the places that the server gave to events go to `given`.
  void pump(std::map<std::string, std::set<std::uint64_t>>& given) {
    client_.pump();
    for (; !client_.heard().empty(); client_.heard().pop_front()) {
      const json message = json::parse(client_.heard().front());
      if (message.contains("offset")) {
        take_event(message);
      } else if (message.contains("id")) {
        ++answered_;
        take_answer(message, given);
      }
    }
    EXPECT_FALSE(client_.ended()) << client_.close_reason() << client_.broken();
  }

 private:
  void command(const std::string& members) {
    client_.send_text(fmt::format(R"({{"id":{},{}}})", ++asked_, members));
  }

  void take_event(const json& event) {
    const auto channel = event.at("channel").get<std::string>();
    const auto offset = event.at("offset").get<std::uint64_t>();
    EXPECT_TRUE(hears(channel)) << event;
    const auto [next, first] = next_.try_emplace(channel, offset);
    EXPECT_EQ(offset, next->second) << event;
    next->second = offset + 1;
    if (event.at("data").dump() == kFence) ++fences_[channel];
  }

  void take_answer(const json& answer, std::map<std::string, std::set<std::uint64_t>>& given) {
    const std::string type = answer.at("type");
    const json& data = answer.at("data");
    if (type == "published") {
      const std::string incarnation =
          data.at("channel").get<std::string>() + " " + data.at("epoch").get<std::string>();
      EXPECT_TRUE(given[incarnation].insert(data.at("offset").get<std::uint64_t>()).second) << answer;
    } else if (type == "subscribed") {
      const json& entry = data.at("channels").at(0);
      const std::string name = entry.at("channel");
      // What a pattern brings already may be on its way.
      if (name != kPattern && !hears(name)) next_[name] = entry.at("offset").get<std::uint64_t>() + 1;
      subscribed_.insert(name);
    } else if (type == "unsubscribed") {
      for (const json& name : data.at("channels")) subscribed_.erase(name.get<std::string>());
      std::erase_if(next_, [this](const auto& each) { return !hears(each.first); });
    } else {
      ADD_FAILURE() << answer;
    }
  }

  WireClient client_;
  std::set<std::string> wanted_;      // by the commands sent
  std::set<std::string> subscribed_;  // by the answers
  std::map<std::string, std::uint64_t> next_;
  std::map<std::string, std::size_t> fences_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
};

class ForgettingModelTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  ForgettingModelTest() {
    Settings settings;
    settings.channels.defaults.history.max_events = 0;
    settings.channels.defaults.dedup.max_ids = 0;
    settings.hub.channel_ttl = 1us;
    std::vector<std::unique_ptr<Listener>> listeners;
    const std::string socket_path = scratch_.path() / "s";
    listeners.push_back(
        std::make_unique<Listener>(ListenAddress{.host = {}, .port = {}, .unix_path = socket_path}));
    server_ = std::make_unique<Server>(std::move(settings), 3, std::move(listeners));
    server_->start();
    for (int i = 0; i < 6; ++i) readers_.push_back(std::make_unique<Reader>(socket_path));
  }

  std::size_t below(std::size_t end) { return random_() % end; }

  void step() {
    Reader& reader = *readers_[below(readers_.size())];
    const std::string channel = kChannels[below(kChannels.size())];
    const std::string name = below(3) == 0 ? kPattern : channel;
    switch (below(4)) {
      case 0:
        return reader.subscribe(name);
      case 1:
        return reader.unsubscribe(name);
      default:
        return reader.publish(channel, "1");
    }
  }

  void pump() {
    for (const auto& reader : readers_) reader->pump(given_);
  }
  bool await(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!condition() && !HasFailure()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(1ms);
      pump();
    }
    return !HasFailure();
  }
  bool settle() {
    return await(
        [this] { return std::ranges::all_of(readers_, [](const auto& each) { return each->quiet(); }); });
  }
  std::uint64_t stat(const char* name) { return json::parse(server_->stats(auth::Identity{})).at(name); }

  std::mt19937 random_{GetParam()};
  const test::ScratchFolder scratch_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<std::string, std::set<std::uint64_t>> given_;  // offsets, by channel and epoch
};

TEST_P(ForgettingModelTest, WhoHearsAChannelMissesNothingAndNoPlaceIsGivenTwice) {
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    for (std::size_t i = below(8); i > 0; --i) step();
    pump();
    server_->tidy();
    if (below(10) == 0) {
      for (const auto& reader : readers_) reader->leave_all();
    }
    if (below(3) > 0) continue;
    ASSERT_TRUE(settle());
  }
  ASSERT_TRUE(settle());
  std::map<const Reader*, std::map<std::string, std::size_t>> before;
  for (const char* channel : kChannels) {
    for (const auto& reader : readers_) before[reader.get()][channel] = reader->fences(channel);
    readers_.front()->publish(channel, kFence);
  }
  ASSERT_TRUE(settle());
  // Each one's events follow each other, so none is missing before the last.
  EXPECT_TRUE(await([&] {
    return std::ranges::all_of(readers_, [&](const auto& reader) {
      return std::ranges::all_of(kChannels, [&](const char* channel) {
        return !reader->hears(channel) || reader->fences(channel) > before[reader.get()][channel];
      });
    });
  }));
  for (const auto& [incarnation, offsets] : given_) {
    EXPECT_EQ(*offsets.begin(), 1U) << incarnation;
    EXPECT_EQ(*offsets.rbegin(), offsets.size()) << incarnation;
  }
  EXPECT_GT(given_.size(), kChannels.size()) << "some were made anew";
}

TEST_P(ForgettingModelTest, NothingIsLeftOnceEverybodyHasLeft) {
  for (int i = 0; i < 300; ++i) {
    step();
    pump();
  }
  ASSERT_TRUE(settle());
  for (const auto& reader : readers_) reader->leave_all();
  ASSERT_TRUE(settle());
  EXPECT_TRUE(await([this] {
    server_->tidy();
    return stat("channels") == 0;
  })) << stat("channels")
      << " channels are left";
}

INSTANTIATE_TEST_SUITE_P(Seed, ForgettingModelTest, testing::Range(std::uint32_t{1}, std::uint32_t{5}));

}  // namespace
}  // namespace wskit::server::model
