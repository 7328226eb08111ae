// What a shard still hears of after its listeners have left: nothing, so that channels
// can be forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "fanout_fixture.h"

namespace wskit::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class FanoutInterestTest : public testing::Test, public FanoutFixture {
 protected:
  // The channels that could be forgotten, were they unused for long.
  std::vector<std::string> forgettable() {
    std::vector<std::string> names;
    for (const Channel* channel : hub().expire(protocol::system_now() + std::chrono::hours{48})) {
      names.push_back(channel->name());
    }
    return names;
  }
};

TEST_F(FanoutInterestTest, EndsForTheChannelsOfAPatternThatNeverBroughtAnEvent) {
  (void)hub().find_or_create("m/older");
  join("ann", "m/*");
  (void)hub().find_or_create("m/newer");
  EXPECT_THAT(forgettable(), IsEmpty());
  leave("ann", "m/*");
  turn();
  EXPECT_THAT(forgettable(), UnorderedElementsAre("m/older", "m/newer"));
}

TEST_F(FanoutInterestTest, StaysForASilentChannelThatAnotherPatternMatches) {
  for (const char* name : {"m/both", "m/one"}) (void)hub().find_or_create(name);
  join("ann", "m/*");
  join("bob", "*/both");
  leave("ann", "m/*");
  turn();
  EXPECT_THAT(forgettable(), ElementsAre("m/one"));
  publish("m/both");
  turn();
  EXPECT_EQ(received("bob"), "m/both:1");
}

TEST_F(FanoutInterestTest, StaysForASilentChannelThatIsSubscribedByName) {
  (void)hub().find_or_create("m/a");
  join("ann", "m/*");
  join("bob", "m/a");
  leave("ann", "m/*");
  turn();
  EXPECT_THAT(forgettable(), IsEmpty());
  publish("m/a");
  turn();
  EXPECT_EQ(received("bob"), "m/a:1");
}

}  // namespace
}  // namespace wskit::server
