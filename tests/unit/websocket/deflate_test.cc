#include "common/websocket/deflate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "allocation_meter.h"

namespace wskit::websocket {
namespace {

using Status = Inflater::Status;

constexpr std::size_t kNoLimit = SIZE_MAX;

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

std::string compressed(std::string_view message, int level = 1) {
  std::string out;
  Deflater(15, false, level).compress(message, out);
  return out;
}

// What one message inflates to, or why it does not.
std::string inflated(Inflater& inflater, std::string_view message, std::size_t max_bytes = kNoLimit) {
  std::string out;
  const Status status = inflater.inflate(message, true, max_bytes, out);
  if (status == Status::kTooLarge) return "too large";
  return status == Status::kOk ? out : "corrupt";
}

std::string inflated(std::string_view message, std::size_t max_bytes = kNoLimit) {
  Inflater inflater(15, false);
  return inflated(inflater, message, max_bytes);
}

std::string random_bytes(std::mt19937& random, std::size_t size, unsigned letters) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() % letters);
  return out;
}

TEST(DeflateTest, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(inflated(bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(bytes({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00})), "Hello")
      << "a stored block";
  EXPECT_EQ(inflated(bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00})), "Hello") << "a final block";
  EXPECT_EQ(inflated(bytes({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00})),
            "Hello")
      << "two blocks";
  EXPECT_EQ(inflated(bytes({0x00})), "") << "an empty message";
}

TEST(DeflateTest, ReadsTheExampleOfASharedWindow) {
  Inflater inflater(15, true);
  EXPECT_EQ(inflated(inflater, bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(inflater, bytes({0xf2, 0x00, 0x11, 0x00, 0x00})), "Hello");
}

TEST(DeflateTest, WritesAnEmptyMessageAsOneByteHoweverOften) {
  Deflater deflater(15, true);
  for (int i = 0; i < 3; ++i) {
    std::string out;
    deflater.compress("", out);
    EXPECT_EQ(out, bytes({0x00}));
  }
}

TEST(DeflateTest, AppendsToWhatIsThere) {
  std::string out = "header";
  Deflater(15, false).compress("Hello", out);
  EXPECT_EQ(out.substr(0, 6), "header");
  EXPECT_EQ(inflated(out.substr(6)), "Hello");
}

TEST(DeflateTest, ForgetsTheMessageBeforeUnlessContextIsKept) {
  const std::string message = "a message that would refer to the one before it";
  Deflater forgets(15, false);
  Deflater keeps(15, true);
  std::string first;
  std::string again;
  std::string kept;
  forgets.compress(message, first);
  forgets.compress(message, again);
  keeps.compress(message, kept);
  kept.clear();
  keeps.compress(message, kept);
  EXPECT_EQ(first, again);
  EXPECT_LT(kept.size(), again.size() / 2);
  EXPECT_EQ(inflated(kept), "corrupt") << "it refers to a window that a fresh inflater lacks";
}

struct Shape {
  int window_bits;
  bool keep_context;
  int level;
};

class RoundTripTest : public testing::TestWithParam<Shape> {
 protected:
  void expect_back(const std::string& message) {
    std::string small;
    deflater_.compress(message, small);
    EXPECT_EQ(inflated(inflater_, small, message.size()), message) << message.size() << " bytes";
  }

  Deflater deflater_{GetParam().window_bits, GetParam().keep_context, GetParam().level};
  Inflater inflater_{GetParam().window_bits, GetParam().keep_context};
};

// Messages that grow on one connection are what broke an inflater elsewhere
// ("invalid stored block length").
TEST_P(RoundTripTest, GivesBackMessagesThatGrowOnOneConnection) {
  std::string message;
  for (int i = 0; i < 1500; ++i) {
    message += R"({"symbol":"BTC-USD","price":)" + std::to_string(i * 7919 % 100'000) + "}";
    if (i < 200 || i % 50 == 0) expect_back(message);
  }
}

TEST_P(RoundTripTest, GivesBackMessagesOfEverySmallSize) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 700; ++size) expect_back(random_bytes(random, size, 1 + size % 256));
}

TEST_P(RoundTripTest, GivesBackMessagesLongerThanTheWindow) {
  std::mt19937 random(2);
  for (const unsigned letters : {1U, 2U, 20U, 256U}) {
    for (const std::size_t size : {1000UL, 32768UL, 65535UL, 65536UL, 300'000UL}) {
      expect_back(random_bytes(random, size, letters));
    }
  }
}

TEST_P(RoundTripTest, GivesBackEmptyMessagesBetweenOthers) {
  for (const std::string_view message : {"", "one", "", "", "two", ""}) expect_back(std::string(message));
}

INSTANTIATE_TEST_SUITE_P(Shapes, RoundTripTest,
                         testing::Values(Shape{9, false, 1}, Shape{9, true, 1}, Shape{10, true, 6},
                                         Shape{11, true, 9}, Shape{12, false, 6}, Shape{13, true, 1},
                                         Shape{14, true, 1}, Shape{15, false, 1}, Shape{15, true, 1},
                                         Shape{15, true, 0}, Shape{15, false, 9}),
                         [](const auto& tested) {
                           const Shape& shape = tested.param;
                           return "Window" + std::to_string(shape.window_bits) +
                                  (shape.keep_context ? "Kept" : "Fresh") + "Level" +
                                  std::to_string(shape.level);
                         });

TEST(InflateTest, IsTheSameHoweverTheMessageIsCut) {
  std::mt19937 random(3);
  const std::string message = random_bytes(random, 2000, 5);
  const std::string small = compressed(message);
  Inflater inflater(15, false);
  for (std::size_t cut = 0; cut <= small.size(); ++cut) {
    std::string out;
    ASSERT_EQ(inflater.inflate(std::string_view(small).substr(0, cut), false, kNoLimit, out), Status::kOk);
    ASSERT_EQ(inflater.inflate(std::string_view(small).substr(cut), true, kNoLimit, out), Status::kOk);
    EXPECT_EQ(out, message) << "cut at " << cut;
  }
}

TEST(InflateTest, CountsWhatIsThereAlreadyTowardsTheLimit) {
  const std::string small = compressed("12345");
  Inflater inflater(15, false);
  std::string out = "six...";
  EXPECT_EQ(inflater.inflate(small, true, 11, out), Status::kOk);
  EXPECT_EQ(out, "six...12345");
  out = "seven..";
  EXPECT_EQ(inflater.inflate(small, true, 11, out), Status::kTooLarge);
}

TEST(InflateTest, AllowsExactlyTheLimitAndNoByteMore) {
  std::mt19937 random(4);
  for (const std::size_t size : {0UL, 1UL, 511UL, 512UL, 513UL, 65535UL, 65536UL, 65537UL, 200'000UL}) {
    for (const unsigned letters : {1U, 256U}) {
      const std::string message = random_bytes(random, size, letters);
      EXPECT_EQ(inflated(compressed(message), size), message) << size;
      if (size == 0) continue;
      EXPECT_EQ(inflated(compressed(message), size - 1), "too large") << size;
    }
  }
}

TEST(InflateTest, StopsABombAtTheLimit) {
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  const std::string mebibyte =
      compressed(std::string(std::size_t{1} << 20, '\0')) + bytes({0x00, 0x00, 0xff, 0xff});
  std::string bomb;
  for (int i = 0; i < 1024; ++i) bomb += mebibyte;

  Inflater inflater(15, false);
  std::string out;
  const AllocationMeter meter;
  EXPECT_EQ(inflater.inflate(bomb, true, kLimit, out), Status::kTooLarge);
  EXPECT_LE(out.size(), kLimit + 1);
  EXPECT_LE(meter.peak_bytes(), 4 * kLimit) << "an old and a doubled buffer";
}

TEST(InflateTest, StaysUsableAfterABadMessageWhereContextIsNotKept) {
  Inflater inflater(15, false);
  EXPECT_EQ(inflated(inflater, bytes({0xff, 0xff})), "corrupt");
  EXPECT_EQ(inflated(inflater, compressed("good")), "good");
  EXPECT_EQ(inflated(inflater, compressed("too long"), 3), "too large");
  EXPECT_EQ(inflated(inflater, compressed("good")), "good");
}

TEST(InflateTest, ForgetsAnUnfinishedMessageWhenReset) {
  const std::string small = compressed("an unfinished message");
  Inflater inflater(15, true);
  std::string out;
  EXPECT_EQ(inflater.inflate(std::string_view(small).substr(0, 5), false, kNoLimit, out), Status::kOk);
  inflater.reset();
  EXPECT_EQ(inflated(inflater, compressed("good")), "good");
}

TEST(InflateTest, FindsEveryTruncation) {
  std::mt19937 random(5);
  for (const unsigned letters : {3U, 256U}) {
    const std::string message = random_bytes(random, 3000, letters);
    const std::string small = compressed(message);
    // One byte may be a whole message: 00 is the empty one, and how a stored block begins.
    for (std::size_t size = 2; size < small.size(); ++size) {
      EXPECT_EQ(inflated(small.substr(0, size)), "corrupt") << size << " of " << small.size();
    }
  }
}

TEST(InflateTest, RefusesCorruptBlocks) {
  EXPECT_EQ(inflated(bytes({0x06})), "corrupt") << "a reserved block type";
  EXPECT_EQ(inflated(bytes({0x00, 0x05, 0x00, 0x00, 0x00})), "corrupt")
      << "a stored length and no complement";
  EXPECT_EQ(inflated(bytes({0xf2, 0x00, 0x11, 0x00, 0x00})), "corrupt") << "a distance past the start";
  EXPECT_EQ(inflated("not compressed"), "corrupt");
}

TEST(InflateTest, SurvivesEveryChangedByte) {
  std::mt19937 random(6);
  const std::string message = random_bytes(random, 400, 7);
  const std::string small = compressed(message);
  constexpr std::size_t kLimit = 1000;
  for (std::size_t at = 0; at < small.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      std::string bad = small;
      bad[at] = static_cast<char>(bad[at] ^ change);
      EXPECT_LE(inflated(bad, kLimit).size(), kLimit);
    }
  }
}

// Final blocks as others write them: zlib's Z_FINISH, then the octet of section 7.2.3.4.
TEST(InflateTest, GoesOnAfterFinalBlocksInsideAMessage) {
  const std::string final_hello = bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  EXPECT_EQ(inflated(final_hello + final_hello + bytes({0x00})), "HelloHello");
  EXPECT_EQ(inflated(final_hello + bytes({0x01, 0x02, 0x00, 0xfd, 0xff}) + "!?" + bytes({0x00})), "Hello!?");
}

TEST(InflateTest, KeepsTheWindowAcrossFinalBlocks) {
  const std::string final_hello = bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  const std::string refers_back = bytes({0xf2, 0x00, 0x11, 0x00, 0x00});  // "Hello" from 5 bytes before
  EXPECT_EQ(inflated(final_hello + refers_back), "HelloHello") << "in one message";
  Inflater inflater(15, true);
  EXPECT_EQ(inflated(inflater, final_hello + bytes({0x00})), "Hello");
  EXPECT_EQ(inflated(inflater, refers_back), "Hello") << "in the next";
}

TEST(InflateTest, TakesAMessageThatEndsWithItsFinalBlock) {
  Inflater inflater(15, true);
  EXPECT_EQ(inflated(inflater, bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(inflater, compressed("next")), "next");
}

TEST(InflateTest, TakesAMessageOfNoBytesAsEmpty) {
  Inflater inflater(15, true);
  EXPECT_EQ(inflated(inflater, ""), "");
  EXPECT_EQ(inflated(inflater, compressed("next")), "next");
}

TEST(InflateTest, FindsManyEmptyBlocksOfNoUseButWithinBounds) {
  std::string blocks;
  for (int i = 0; i < 10'000; ++i) blocks += bytes({0x00, 0x00, 0x00, 0xff, 0xff});
  EXPECT_EQ(inflated(blocks + bytes({0x00})), "");
  std::string finals;
  for (int i = 0; i < 10'000; ++i) finals += bytes({0x03, 0x00});
  EXPECT_EQ(inflated(finals), "");
}

TEST(DeflateTest, RefusesWindowsThatZlibCannotWrite) {
  for (const int bits : {-15, 0, 8, 16}) {
    EXPECT_THROW(Deflater(bits, false), std::invalid_argument);
    EXPECT_THROW(Inflater(bits, false), std::invalid_argument);
  }
  EXPECT_THROW(Deflater(15, false, 10), std::invalid_argument);
}

}  // namespace
}  // namespace wskit::websocket
