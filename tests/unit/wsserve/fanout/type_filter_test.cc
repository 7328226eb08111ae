#include "wsserve/fanout/type_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool passes(const TypeFilterPtr& filter, std::string_view type) {
  return filter == nullptr || filter->passes(type);
}

TEST(TypeFilterTest, PassesOnlyWhatIsListed) {
  const TypeFilterPtr filter = TypeFilter::only({"trade", "alert", "trade"});
  EXPECT_TRUE(passes(filter, "trade"));
  EXPECT_TRUE(passes(filter, "alert"));
  EXPECT_FALSE(passes(filter, "Trade"));
  EXPECT_FALSE(passes(filter, "trad"));
  EXPECT_FALSE(passes(filter, "trade."));
  EXPECT_FALSE(passes(filter, ""));
  EXPECT_THAT(filter->types(), ElementsAre("alert", "trade"));
  EXPECT_FALSE(filter->all_but());
}

TEST(TypeFilterTest, PassesEverythingAsNull) {
  const std::array<std::string_view, 1> types{"trade"};
  const TypeFilterPtr all_but_trade = TypeFilter::without(nullptr, types);
  ASSERT_NE(all_but_trade, nullptr);
  EXPECT_TRUE(all_but_trade->all_but());
  EXPECT_FALSE(passes(all_but_trade, "trade"));
  EXPECT_TRUE(passes(all_but_trade, "other"));
  EXPECT_EQ(TypeFilter::either(all_but_trade, TypeFilter::only({"trade"})), nullptr);
  EXPECT_EQ(TypeFilter::either(nullptr, TypeFilter::only({"a"})), nullptr);
  EXPECT_EQ(TypeFilter::either(TypeFilter::only({"a"}), nullptr), nullptr);
}

TEST(TypeFilterTest, PassesNothingOnceEveryListedTypeIsLeftOut) {
  const std::array<std::string_view, 2> types{"trade", "alert"};
  const TypeFilterPtr filter = TypeFilter::without(TypeFilter::only({"trade"}), types);
  ASSERT_NE(filter, nullptr);
  EXPECT_FALSE(filter->all_but());
  EXPECT_THAT(filter->types(), IsEmpty());
  EXPECT_FALSE(passes(filter, "trade"));
}

// The algebra of a universe of six types, each set a word of six bits.
class SetOfTypes {
 public:
  static constexpr std::array<std::string_view, 6> kTypes{"", "a", "aa", "b", "c.d", "never listed"};

  SetOfTypes() = default;
  explicit SetOfTypes(std::bitset<6> bits) : bits_(bits) {}

  [[nodiscard]] static SetOfTypes of(const TypeFilterPtr& filter) {
    SetOfTypes set;
    for (std::size_t i = 0; i < kTypes.size(); ++i) set.bits_[i] = passes(filter, kTypes[i]);
    return set;
  }

  // Their names, in an order of no kind and some of them twice.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (std::size_t i = kTypes.size(); i-- > 0;) {
      if (bits_[i]) names.push_back(kTypes[i]);
    }
    if (names.size() > 1) names.push_back(names.front());
    return names;
  }

  [[nodiscard]] std::bitset<6> bits() const { return bits_; }

 private:
  std::bitset<6> bits_;
};

// Any filter that some walk of operations may come to.
TypeFilterPtr make_filter(bool all_but, const SetOfTypes& listed) {
  const auto names = listed.names();
  if (all_but) return TypeFilter::without(nullptr, names);
  return TypeFilter::only({names.begin(), names.end()});
}

TEST(TypeFilterTest, IsTheAlgebraOfSets) {
  // The type that is never listed stands for all others.
  for (unsigned a = 0; a < 32; ++a) {
    for (const bool a_all_but : {false, true}) {
      const TypeFilterPtr first = make_filter(a_all_but, SetOfTypes(a));
      const auto first_set = SetOfTypes::of(first).bits();
      ASSERT_EQ(first_set, a_all_but ? ~std::bitset<6>(a) : std::bitset<6>(a));
      for (unsigned b = 0; b < 32; ++b) {
        const auto names = SetOfTypes(b).names();
        ASSERT_EQ(SetOfTypes::of(TypeFilter::without(first, names)).bits(), first_set & ~std::bitset<6>(b));
        for (const bool b_all_but : {false, true}) {
          const TypeFilterPtr second = make_filter(b_all_but, SetOfTypes(b));
          ASSERT_EQ(SetOfTypes::of(TypeFilter::either(first, second)).bits(),
                    first_set | SetOfTypes::of(second).bits());
        }
      }
    }
  }
}

}  // namespace
}  // namespace wskit::server
