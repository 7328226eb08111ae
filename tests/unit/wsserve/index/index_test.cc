#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/protocol/channel.h"
#include "common/text_hash.h"
#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/index/channel_index.h"
#include "wsserve/index/pattern_index.h"
#include "wsserve/loop/inbox.h"

namespace wskit::server {
namespace {

using protocol::Pattern;

// Names and patterns out of few segments, so that many of them match.
class Words {
 public:
  explicit Words(std::uint32_t seed) : random_(seed) {}

  std::string name() { return text(false); }
  std::string pattern() { return text(true); }
  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  std::string text(bool is_pattern) {
    const std::size_t segments = 1 + below(4);
    std::string text;
    for (std::size_t i = 0; i < segments; ++i) {
      if (i > 0) text += '/';
      const bool last = i + 1 == segments;
      if (is_pattern && below(4) == 0) {
        text += last && below(2) == 0 ? "**" : "*";
      } else {
        if (i == 0 && below(6) == 0) text += '@';
        text += static_cast<char>('a' + below(3));
      }
    }
    return text;
  }

  std::mt19937 random_;
};

// R2: what the tree of patterns finds is what each pattern by itself matches.
TEST(PatternIndex, FindsWhatMatches) {
  Words words(1);
  PatternIndex<std::string> index;
  std::map<std::string, Pattern> known;
  for (int round = 0; round < 3'000; ++round) {
    const std::string text = words.pattern();
    if (words.below(3) == 0) {
      EXPECT_EQ(index.erase(text), known.erase(text) > 0) << text;
    } else {
      index[text] = text;
      known.emplace(text, *Pattern::parse(text));
    }
    ASSERT_EQ(index.size(), known.size());
    const std::string name = words.name();
    std::vector<std::string> expected;
    for (const auto& [each, pattern] : known) {
      if (pattern.matches(name)) expected.push_back(each);
    }
    std::vector<std::string> found;
    index.visit(name, [&found](const std::string& each) {
      found.push_back(each);
      return true;
    });
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected)) << name;
    EXPECT_EQ(index.any(name), !expected.empty()) << name;
    EXPECT_EQ(index.find(text) != nullptr, known.contains(text)) << text;
  }
}

class HubOfFew : public testing::Test {
 protected:
  HubOfFew() { inboxes_.push_back(std::make_unique<Inbox>()); }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  Hub hub_{inboxes_, HubLimits{}, ChannelRules{}, broker_};
};

// R2: what the tree of channels finds is what the pattern matches, whichever of its
// segments the walk begins at, and channels that have gone are not found.
TEST_F(HubOfFew, TheIndexOfChannelsFindsWhatMatches) {
  Words words(2);
  ChannelIndex index;
  std::map<std::string, Channel*> known;
  for (int round = 0; round < 3'000; ++round) {
    const std::string name = words.name();
    if (known.contains(name)) {
      index.remove(name);
      known.erase(name);
    } else {
      Channel* channel = hub_.find_or_create(name);
      index.add(name, *channel);
      known.emplace(name, channel);
    }
    const Pattern pattern = *Pattern::parse(words.pattern());
    std::vector<Channel*> expected;
    for (const auto& [each, channel] : known) {
      if (pattern.matches(each)) expected.push_back(channel);
    }
    std::vector<Channel*> found;
    index.find(pattern, found);
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected)) << pattern.text();
    std::vector<Channel*> soon_found;
    const bool all_of_them = index.find(pattern, soon_found, words.below(12));
    EXPECT_THAT(expected, testing::IsSupersetOf(soon_found)) << pattern.text();
    if (all_of_them) {
      EXPECT_EQ(soon_found.size(), expected.size()) << pattern.text();
    }
  }
}

// R8: the hash is keyed: what collides under one key does not under another.
TEST(TextHash, IsKeyed) {
  text_hash::Secret one{};
  text_hash::Secret other{};
  for (std::size_t i = 0; i < one.size(); ++i) {
    one[i] = static_cast<unsigned char>(i * 37 + 11);
    other[i] = static_cast<unsigned char>(i * 101 + 3);
  }
  // Names that share a bucket of 64 under the first key.
  std::unordered_set<std::size_t> buckets;
  std::size_t colliding = 0;
  for (int i = 0; colliding < 256; ++i) {
    const std::string name = "market/" + std::to_string(i);
    if (text_hash::keyed(name, one) % 64 != 7) continue;
    ++colliding;
    buckets.insert(text_hash::keyed(name, other) % 64);
  }
  EXPECT_GT(buckets.size(), 32U);
  EXPECT_EQ(TextHash()("name"), TextHash()(std::string("name")));
}

}  // namespace
}  // namespace wskit::server
