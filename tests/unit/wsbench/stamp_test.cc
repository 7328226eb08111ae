#include "wsbench/stamp.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace wskit::bench {
namespace {

std::string text_of(const Stamp& stamp) {
  std::string text(kStampBytes, '?');
  EXPECT_EQ(write_stamp(stamp, text.data()), text.data() + kStampBytes);
  return text;
}

TEST(StampTest, ReadsBackWhatWasWritten) {
  std::mt19937_64 random(5);
  constexpr std::uint64_t k48Bits = (std::uint64_t{1} << 48) - 1;
  for (int round = 0; round < 1000; ++round) {
    const Stamp stamp{.run = static_cast<std::uint32_t>(random()),
                      .publisher = static_cast<std::uint16_t>(random()),
                      .sequence = random() & k48Bits,
                      .due = static_cast<Nanos>(random() & k48Bits),
                      .sent = static_cast<Nanos>(random() & k48Bits)};
    Stamp read;
    ASSERT_TRUE(read_stamp(text_of(stamp).data(), read));
    ASSERT_EQ(read, stamp);
  }
}

TEST(StampTest, IsPlainHexadecimalTextThatBeginsWithTheRun) {
  const std::string text = text_of({.run = 0x00c0ffee, .publisher = 3, .sequence = 77, .due = 5, .sent = 6});
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
  const RunText run = run_text(0x00c0ffee);
  EXPECT_EQ(text.substr(0, kRunBytes), std::string(run.data(), run.size()));
  EXPECT_EQ(text.substr(0, kRunBytes), "00c0ffee");
}

TEST(StampTest, AnyOneChangedCharacterIsSeen) {
  const std::string sound = text_of({.run = 1, .publisher = 2, .sequence = 3, .due = 4, .sent = 5});
  for (std::size_t at = 0; at < sound.size(); ++at) {
    for (const char letter : {'0', '7', 'a', 'f', 'x', ' ', '"'}) {
      std::string damaged = sound;
      damaged[at] = letter;
      Stamp read;
      ASSERT_EQ(read_stamp(damaged.data(), read), damaged == sound) << damaged;
    }
  }
}

TEST(StampTest, TwoExchangedGroupsAreSeen) {
  const std::string sound =
      text_of({.run = 1, .publisher = 2, .sequence = 3, .due = 4'000'000'000, .sent = 5});
  for (std::size_t left = 0; left < kStampBytes; left += 8) {
    for (std::size_t right = left + 8; right < kStampBytes; right += 8) {
      std::string damaged = sound;
      std::swap_ranges(damaged.begin() + static_cast<std::ptrdiff_t>(left),
                       damaged.begin() + static_cast<std::ptrdiff_t>(left + 8),
                       damaged.begin() + static_cast<std::ptrdiff_t>(right));
      Stamp read;
      EXPECT_EQ(read_stamp(damaged.data(), read), damaged == sound) << left << " and " << right;
    }
  }
}

}  // namespace
}  // namespace wskit::bench
