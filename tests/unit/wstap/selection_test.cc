#include "wstap/selection.h"

#include <gtest/gtest.h>

namespace wskit::tap {
namespace {

using Texts = std::vector<std::string>;

TEST(Selection, AsksForChannelsTypesAndPositions) {
  const auto selection = Selection::make({"market/*", "a", "a"}, {"trade"}, {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->channels(), (Texts{"market/*", "a"}));
  EXPECT_EQ(
      selection->subscribe_command(selection->channels(), protocol::FromLast{1}),
      R"({"action":"subscribe","id":1,"channels":["market/*","a"],"events":["trade"],"since":{"last":1},)"
      R"("matched":true})");
}

TEST(Selection, LeavesOutWhatWasNotAskedFor) {
  const auto selection = Selection::make({}, {}, {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->subscribe_command({"default"}, {}),
            R"({"action":"subscribe","id":1,"channels":["default"]})");
  EXPECT_FALSE(selection->server_filters());
  EXPECT_TRUE(selection->wants_type("anything"));
}

TEST(Selection, AsksForTheTypesThatEndTheRunToo) {
  const auto selection = Selection::make({"a"}, {"trade"}, {"done", "trade"});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->subscribe_command({"a"}, {}),
            R"({"action":"subscribe","id":1,"channels":["a"],"events":["trade","done"]})");
  EXPECT_TRUE(selection->wants_type("trade"));
  EXPECT_FALSE(selection->wants_type("done"));
}

TEST(Selection, TypesThatEndTheRunAloneFilterNothing) {
  const auto selection = Selection::make({"a"}, {}, {"done"});
  ASSERT_TRUE(selection);
  EXPECT_FALSE(selection->server_filters());
  EXPECT_EQ(selection->subscribe_command({"a"}, {}), R"({"action":"subscribe","id":1,"channels":["a"]})");
}

TEST(Selection, RefusesWhatTheServerWouldRefuse) {
  EXPECT_FALSE(Selection::make({"a//b"}, {}, {}));
  EXPECT_FALSE(Selection::make({"a b"}, {}, {}));
  EXPECT_FALSE(Selection::make({"**/a"}, {}, {}));
  EXPECT_FALSE(Selection::make({"a"}, {"no type"}, {}));
  EXPECT_FALSE(Selection::make({"a"}, {}, {""}));
}

TEST(Selection, UnsubscribesByName) {
  EXPECT_EQ(unsubscribe_command({"a", "b/*"}), R"({"action":"unsubscribe","id":2,"channels":["a","b/*"]})");
}

}  // namespace
}  // namespace wskit::tap
