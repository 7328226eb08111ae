// What one client may cost, counted in steps and not in time: for n of what it names,
// the work grows no faster than n log n.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fanout_fixture.h"
#include "wsserve/connection/subscriptions.h"

namespace wskit::server {
namespace {

protocol::Pattern pattern_of(const std::string& text) { return *protocol::Pattern::parse(text); }

// Steps that `work` takes for n, for n = 64, 512 and 4,096.
template <class Work>
void expect_n_log_n(const char* what, const Work& work) {
  constexpr std::uint64_t kStepsAllowed = 16;
  for (const std::uint64_t n : {64U, 512U, 4'096U}) {
    const std::uint64_t steps = work(n);
    EXPECT_LE(steps, kStepsAllowed * n * static_cast<std::uint64_t>(std::bit_width(n)))
        << what << " with " << n;
  }
}

std::unique_ptr<FanoutFixture> with_channels(std::uint64_t n) {
  auto fixture = std::make_unique<FanoutFixture>();
  for (std::uint64_t i = 0; i < n; ++i) (void)fixture->hub().find_or_create("m/" + std::to_string(i));
  return fixture;
}

// Subscribes, serves and leaves `patterns`; what that took.
std::uint64_t come_and_go(FanoutFixture& fixture, const std::vector<std::string>& patterns) {
  const std::uint64_t before = fixture.hub().steps() + fixture.fanout().steps();
  std::vector<protocol::Pattern> parsed;
  for (const std::string& text : patterns) parsed.push_back(pattern_of(text));
  bool done = false;
  done = fixture.fanout().prepare(std::move(parsed), [&done] { done = true; });
  while (!done) fixture.fanout().tidy();
  for (const std::string& text : patterns) fixture.join("ann", text);
  fixture.turn();
  for (const std::string& text : patterns) fixture.leave("ann", text);
  while (fixture.fanout().has_work()) fixture.turn();
  return fixture.hub().steps() + fixture.fanout().steps() - before;
}

// R2: n patterns that match nothing beside n channels.
TEST(Cost, OfPatternsThatMatchNothing) {
  expect_n_log_n("patterns", [](std::uint64_t n) {
    const auto fixture = with_channels(n);
    std::vector<std::string> patterns;
    for (std::uint64_t i = 0; i < n; ++i) patterns.push_back("none/" + std::to_string(i) + "/*");
    return come_and_go(*fixture, patterns);
  });
}

// R2: n patterns that begin with a wildcard and name what no channel has there.
TEST(Cost, OfPatternsThatBeginWithAWildcard) {
  expect_n_log_n("patterns", [](std::uint64_t n) {
    const auto fixture = with_channels(n);
    std::vector<std::string> patterns;
    for (std::uint64_t i = 0; i < n; ++i) patterns.push_back("*/none" + std::to_string(i));
    return come_and_go(*fixture, patterns);
  });
}

// R2: n patterns of which each matches one of n channels.
TEST(Cost, OfPatternsThatMatchOneChannelEach) {
  expect_n_log_n("patterns", [](std::uint64_t n) {
    const auto fixture = with_channels(n);
    std::vector<std::string> patterns;
    for (std::uint64_t i = 0; i < n; ++i) patterns.push_back("*/" + std::to_string(i));
    return come_and_go(*fixture, patterns);
  });
}

// R2: leaving beside as many patterns of others.
TEST(Cost, OfLeavingBesideThePatternsOfOthers) {
  expect_n_log_n("patterns of others", [](std::uint64_t n) {
    const auto fixture = with_channels(n);
    for (std::uint64_t i = 0; i < n; ++i) fixture->join("bob", "others/" + std::to_string(i) + "/*");
    return come_and_go(*fixture, {"m/*", "m/**", "**"});
  });
}

// R2: a new channel beside n patterns, and its first event.
TEST(Cost, OfNewChannelsBesidePatterns) {
  expect_n_log_n("new channels", [](std::uint64_t n) {
    FanoutFixture fixture;
    for (std::uint64_t i = 0; i < n; ++i) fixture.join("bob", "m/" + std::to_string(i) + "/*");
    const std::uint64_t before = fixture.hub().steps() + fixture.fanout().steps();
    for (std::uint64_t i = 0; i < n; ++i) fixture.publish("m/" + std::to_string(i) + "/x");
    fixture.turn();
    return fixture.hub().steps() + fixture.fanout().steps() - before;
  });
}

// R2: patterns that all match all channels look at each channel about once, not once for
// each pattern; and they hear of it, before and after.
TEST(Cost, OfPatternsThatAllMatchAll) {
  FanoutFixture fixture;
  constexpr int kChannels = 200;
  const std::string deep = "/b/c/d/e/f/g";
  for (int i = 0; i < kChannels; ++i) (void)fixture.hub().find_or_create(std::to_string(i) + deep);
  std::vector<std::string> patterns;
  for (unsigned stars = 0; stars < 64; ++stars) {
    std::string text = "*";
    for (unsigned bit = 0; bit < 6; ++bit) {
      text += '/';
      text += (stars >> bit & 1U) != 0 ? '*' : static_cast<char>('b' + bit);
    }
    patterns.push_back(text);
  }
  std::vector<protocol::Pattern> parsed;
  for (const std::string& text : patterns) parsed.push_back(pattern_of(text));
  const std::uint64_t before = fixture.fanout().looks();
  bool done = fixture.fanout().prepare(std::move(parsed), [&done] { done = true; });
  while (!done) fixture.fanout().tidy();
  EXPECT_LE(fixture.fanout().looks() - before, 4U * kChannels);
  for (const std::string& text : patterns) fixture.join("ann", text);
  fixture.publish("7" + deep);
  fixture.publish("new" + deep);
  fixture.turn();
  EXPECT_EQ(fixture.who("ann").texts().size(), 2U);
  for (const std::string& text : patterns) fixture.leave("ann", text);
  while (fixture.fanout().has_work()) fixture.turn();
  EXPECT_LE(fixture.fanout().looks() - before, 8U * kChannels);
  EXPECT_FALSE(fixture.hub().find("7" + deep)->is_heard());
  EXPECT_FALSE(fixture.hub().is_heard("newer" + deep));
}

// R2: the lock of all channels is not held for a walk through ten segments of each; the
// channels that match are told all the same.
TEST(Cost, OfAWalkThroughDeepChannelsIsBounded) {
  FanoutFixture fixture;
  constexpr std::uint64_t kChannels = 20'000;
  const std::string deep = "/b/c/d/e/f/g";
  for (std::uint64_t i = 0; i < kChannels; ++i) (void)fixture.hub().find_or_create(std::to_string(i) + deep);
  const std::uint64_t before = fixture.hub().steps();
  bool done = fixture.fanout().prepare({pattern_of("*/b/*/d/*/f/*")}, [&done] { done = true; });
  while (!done) fixture.fanout().tidy();
  EXPECT_LE(fixture.hub().steps() - before, 2 * kChannels);
  fixture.join("ann", "*/b/*/d/*/f/*");
  fixture.publish("0" + deep);
  fixture.publish("19999" + deep);
  fixture.publish("elsewhere");
  fixture.turn();
  EXPECT_EQ(fixture.who("ann").texts().size(), 2U);
  fixture.leave("ann", "*/b/*/d/*/f/*");
  while (fixture.fanout().has_work()) fixture.turn();
  EXPECT_LE(fixture.hub().steps() - before, 4 * kChannels);
  EXPECT_FALSE(fixture.hub().find("7" + deep)->is_heard());
}

// R2: while patterns are prepared a bit at a time, one who subscribes one of them at once
// misses nothing, and neither do those who wait.
TEST(Cost, NobodyMissesAnEventWhilePatternsArePrepared) {
  const auto fixture = with_channels(1'000);
  bool done = fixture->fanout().prepare({pattern_of("m/*")}, [&done] { done = true; });
  fixture->join("bob", "m/*");
  fixture->publish("m/999");
  while (!done) fixture->fanout().tidy();
  fixture->join("ann", "m/*");
  fixture->publish("m/0");
  fixture->turn();
  EXPECT_EQ(fixture->who("bob").texts().size(), 2U);
  EXPECT_EQ(fixture->who("ann").texts().size(), 1U);
}

// R3: a channel that is about to be forgotten while patterns are prepared is heard.
TEST(Cost, AChannelThatIsAboutToBeForgottenIsHeard) {
  const auto fixture = with_channels(20'000);
  bool done = fixture->fanout().prepare({pattern_of("m/*"), pattern_of("*/*"), pattern_of("**")},
                                        [&done] { done = true; });
  const protocol::SystemMicros now = protocol::system_now();
  const std::vector<Channel*> idle = fixture->hub().expire(now);
  fixture->fanout().let_go_of(idle);
  while (!done) fixture->fanout().tidy();
  fixture->join("ann", "m/*");
  fixture->hub().forget(now);
  EXPECT_EQ(fixture->hub().channel_count(), 20'000U);
  for (int i = 0; i < 20'000; i += 1'999) fixture->publish("m/" + std::to_string(i));
  fixture->turn();
  EXPECT_EQ(fixture->who("ann").texts().size(), 11U);
}

}  // namespace
}  // namespace wskit::server
