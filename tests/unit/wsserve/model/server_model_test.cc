// The server against a naive reference, over real sockets.
//
// WSKIT_MODEL_SEED=N walks that seed alone, WSKIT_MODEL_WALKS=N as many seeds as
// that in each part (a longer soak), WSKIT_MODEL_ROUNDS=N so many rounds of each.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "walk.h"

namespace wskit::server::model {
namespace {

// Of the walks, so that they run beside one another.
constexpr int kParts = 4;

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// The seeds of a part, with the others between them.
std::vector<std::uint32_t> seeds(int part) {
  if (const int only = from_environment("WSKIT_MODEL_SEED", -1); only >= 0) {
    if (only % kParts != part) return {};
    return {static_cast<std::uint32_t>(only)};
  }
  std::vector<std::uint32_t> seeds;
  for (int i = 0; i < from_environment("WSKIT_MODEL_WALKS", 4); ++i) {
    seeds.push_back(static_cast<std::uint32_t>(part + i * kParts));
  }
  return seeds;
}

class ServerModelTest : public testing::TestWithParam<int> {
 protected:
  static void walk_all(Walk::Keeps keeps) {
    const int rounds = from_environment("WSKIT_MODEL_ROUNDS", 20);
    WalkTotals totals;
    for (const std::uint32_t seed : seeds(GetParam())) {
      Walk walk(seed, keeps);
      walk.go(rounds);
      ASSERT_TRUE(walk.complaint().empty()) << "WSKIT_MODEL_SEED=" << seed << ", " << walk.plan() << "\n"
                                            << walk.complaint();
      totals += walk.totals();
    }
    fmt::print("{}\n", totals.describe());
    if (totals.steps < 1'000) return;
    // It went everywhere.
    EXPECT_GT(totals.merged, 0U);
    EXPECT_GT(totals.replayed, 0U);
    EXPECT_GT(totals.gaps, 0U);
    EXPECT_GT(totals.cuts, 0U);
    EXPECT_GT(totals.restarts, 0U);
    EXPECT_GT(totals.heartbeats, 0U);
    EXPECT_EQ(totals.losses > 0, keeps == Walk::Keeps::kFarAway);
  }
};

TEST_P(ServerModelTest, TellsEverySubscriberTheReferencesEventsOrDeclaresWhatIsMissing) {
  walk_all(Walk::Keeps::kInMemory);
}

TEST_P(ServerModelTest, DoesSoOverRestartsWithAStore) { walk_all(Walk::Keeps::kInStore); }

TEST_P(ServerModelTest, DoesSoWithABrokerThatAnswersLateRefusesAndLosesEvents) {
  walk_all(Walk::Keeps::kFarAway);
}

INSTANTIATE_TEST_SUITE_P(Part, ServerModelTest, testing::Range(0, kParts));

}  // namespace
}  // namespace wskit::server::model
