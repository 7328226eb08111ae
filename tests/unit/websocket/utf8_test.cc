#include "common/websocket/utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::websocket {
namespace {

using Bytes = std::basic_string<unsigned char>;

// The naive model: every code point is encoded once, by the table of RFC 3629,
// and a text is good as long as it is made of these.
class Encodings {
 public:
  Encodings() {
    for (std::uint32_t value = 0; value <= 0x10FFFF; ++value) {
      if (value >= 0xD800 && value <= 0xDFFF) continue;
      std::uint32_t prefix = 0;
      for (const unsigned char byte : encode(value).substr(0, 3)) begins_[prefix = prefix << 8 | byte] = true;
    }
  }

  // Whether some code point's encoding begins with `bytes`. The fourth byte, if
  // there is one, may be any continuation: 3 bytes decide.
  [[nodiscard]] bool has(const Bytes& bytes) const {
    std::uint32_t prefix = 0;
    for (const unsigned char byte : bytes.substr(0, 3)) prefix = prefix << 8 | byte;
    return begins_[prefix] && (bytes.size() < 4 || (bytes[3] >= 0x80 && bytes[3] <= 0xBF));
  }

 private:
  static Bytes encode(std::uint32_t value) {
    const auto tail = [&](int shift) { return static_cast<unsigned char>(0x80 | (value >> shift & 0x3F)); };
    const auto lead = [&](unsigned mark, int shift) {
      return static_cast<unsigned char>(mark | value >> shift);
    };
    if (value < 0x80) return {lead(0, 0)};
    if (value < 0x800) return {lead(0xC0, 6), tail(0)};
    if (value < 0x10000) return {lead(0xE0, 12), tail(6), tail(0)};
    return {lead(0xF0, 18), tail(12), tail(6), tail(0)};
  }

  // By the first 1 to 3 bytes of an encoding as a number. A lead is not 0, so
  // numbers of different lengths are different but for the null character's.
  std::vector<bool> begins_ = std::vector<bool>(1 << 24);
};

enum class Verdict { kComplete, kUnfinished, kBad };

class Model {
 public:
  Verdict push(unsigned char byte) {
    static const Encodings encodings;
    begun_.push_back(byte);
    if (!encodings.has(begun_)) return Verdict::kBad;
    const std::size_t length = begun_[0] < 0x80 ? 1 : begun_[0] < 0xE0 ? 2 : begun_[0] < 0xF0 ? 3 : 4;
    if (begun_.size() < length) return Verdict::kUnfinished;
    begun_.clear();
    return Verdict::kComplete;
  }

 private:
  Bytes begun_;
};

Verdict model(const Bytes& text) {
  Model model;
  Verdict verdict = Verdict::kComplete;
  for (const unsigned char byte : text) {
    verdict = model.push(byte);
    if (verdict == Verdict::kBad) break;
  }
  return verdict;
}

std::span<const char> chars(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Verdict whole(const Bytes& text) {
  Utf8Validator validator;
  if (!validator.feed(chars(text))) return Verdict::kBad;
  return validator.complete() ? Verdict::kComplete : Verdict::kUnfinished;
}

// Also checks that the first bad byte is found when it is fed.
Verdict bytewise(const Bytes& text) {
  Utf8Validator validator;
  Model model;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool good = validator.feed(chars(text).subspan(i, 1));
    EXPECT_EQ(good, model.push(text[i]) != Verdict::kBad) << "at byte " << i;
    if (!good) return Verdict::kBad;
  }
  return validator.complete() ? Verdict::kComplete : Verdict::kUnfinished;
}

void expect_like_the_model(const Bytes& text) {
  const Verdict expected = model(text);
  EXPECT_EQ(whole(text), expected);
  EXPECT_EQ(bytewise(text), expected);
}

Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<unsigned char>(value));
  return out;
}

TEST(Utf8ValidatorTest, AgreesWithTheModelOnEverySequenceOfOneOrTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    expect_like_the_model(bytes({first}));
    for (int second = 0; second < 256; ++second) {
      SCOPED_TRACE(std::to_string(first) + " " + std::to_string(second));
      expect_like_the_model(bytes({first, second}));
    }
  }
}

TEST(Utf8ValidatorTest, AgreesWithTheModelOnEveryLeadAndSecondByteGoingOn) {
  for (int lead = 0xC0; lead < 256; ++lead) {
    for (int second = 0; second < 256; ++second) {
      SCOPED_TRACE(std::to_string(lead) + " " + std::to_string(second));
      for (const int third : {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF}) {
        expect_like_the_model(bytes({lead, second, third}));
        expect_like_the_model(bytes({lead, second, third, 0x80}));
        expect_like_the_model(bytes({lead, second, 0xBF, third}));
      }
    }
  }
}

TEST(Utf8ValidatorTest, AcceptsTheFirstAndLastCodePointOfEachLength) {
  for (const std::u8string_view text : {u8"\u0001", u8"\u007F", u8"\u0080", u8"\u07FF", u8"\u0800",
                                        u8"\uD7FF", u8"\uE000", u8"\uFFFF", u8"\U00010000", u8"\U0010FFFF"}) {
    const Bytes sequence(text.begin(), text.end());
    EXPECT_EQ(whole(sequence), Verdict::kComplete);
    EXPECT_EQ(bytewise(sequence), Verdict::kComplete);
  }
}

// Long enough for every fast path, with code points of each length across all
// of their borders.
Bytes random_text(std::mt19937& random, std::size_t code_points) {
  const std::vector<std::u8string_view> alphabet = {u8"a", u8"7", u8"ß", u8"€", u8"世", u8"🌍"};
  const std::size_t letters = 1 + random() % alphabet.size();
  Bytes text;
  for (std::size_t i = 0; i < code_points; ++i) {
    const std::u8string_view letter = alphabet[random() % letters];
    text.append(letter.begin(), letter.end());
  }
  return text;
}

TEST(Utf8ValidatorTest, AgreesWithTheModelOnLongTextsWithOneByteChanged) {
  std::mt19937 random(20'26);
  for (int round = 0; round < 4000; ++round) {
    Bytes text = random_text(random, random() % 300);
    EXPECT_EQ(whole(text), Verdict::kComplete);
    if (text.empty()) continue;
    text[random() % text.size()] = static_cast<unsigned char>(random());
    text.resize(text.size() - random() % std::min<std::size_t>(text.size(), 4));
    EXPECT_EQ(whole(text), model(text)) << "round " << round;
  }
}

TEST(Utf8ValidatorTest, AgreesWithTheModelHoweverALongTextIsCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    const Bytes text = random_text(random, 1 + random() % 200);
    Utf8Validator validator;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 150, text.size() - at);
      ASSERT_TRUE(validator.feed(chars(text).subspan(at, size)));
      at += size;
      EXPECT_EQ(validator.complete(), model(text.substr(0, at)) == Verdict::kComplete);
    }
  }
}

TEST(Utf8ValidatorTest, StartsAnewAfterAReset) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed(chars(bytes({0xF0, 0x90}))));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.complete());
  EXPECT_TRUE(validator.feed(chars(bytes({0xC3, 0xA4}))));
  EXPECT_TRUE(validator.complete());
}

}  // namespace
}  // namespace wskit::websocket
