#include "common/websocket/frame.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace wskit::websocket {
namespace {

std::string written(const FrameHeader& header) {
  std::string out(kMaxHeaderBytes, '?');
  out.resize(static_cast<std::size_t>(write_header(header, out.data()) - out.data()));
  EXPECT_EQ(out.size(), header_size(header));
  return out;
}

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

TEST(FrameHeaderTest, WritesTheShortestFormOfTheLength) {
  EXPECT_EQ(written({.payload_bytes = 0}), bytes({0x81, 0}));
  EXPECT_EQ(written({.payload_bytes = 125}), bytes({0x81, 125}));
  EXPECT_EQ(written({.payload_bytes = 126}), bytes({0x81, 126, 0, 126}));
  EXPECT_EQ(written({.payload_bytes = 65535}), bytes({0x81, 126, 0xFF, 0xFF}));
  EXPECT_EQ(written({.payload_bytes = 65536}), bytes({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(written({.payload_bytes = 0x0123'4567'89AB'CDEF}),
            bytes({0x81, 127, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF}));
}

TEST(FrameHeaderTest, WritesTheFlagsAndTheOpcode) {
  EXPECT_EQ(written({.opcode = Opcode::kBinary, .payload_bytes = 1}), bytes({0x82, 1}));
  EXPECT_EQ(written({.opcode = Opcode::kText, .payload_bytes = 1, .fin = false}), bytes({0x01, 1}));
  EXPECT_EQ(written({.opcode = Opcode::kContinuation, .payload_bytes = 1}), bytes({0x80, 1}));
  EXPECT_EQ(written({.opcode = Opcode::kText, .payload_bytes = 1, .compressed = true}), bytes({0xC1, 1}));
  EXPECT_EQ(written({.opcode = Opcode::kClose}), bytes({0x88, 0}));
  EXPECT_EQ(written({.opcode = Opcode::kPing}), bytes({0x89, 0}));
  EXPECT_EQ(written({.opcode = Opcode::kPong}), bytes({0x8A, 0}));
}

TEST(FrameHeaderTest, WritesTheMaskAfterTheLength) {
  const Mask mask{1, 2, 3, 4};
  EXPECT_EQ(written({.payload_bytes = 5, .mask = &mask}), bytes({0x81, 0x85, 1, 2, 3, 4}));
  EXPECT_EQ(written({.payload_bytes = 200, .mask = &mask}), bytes({0x81, 0xFE, 0, 200, 1, 2, 3, 4}));
  EXPECT_EQ(written({.payload_bytes = 65536, .mask = &mask}),
            bytes({0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}));
}

TEST(ApplyMaskTest, MasksEverySizeAtEveryPositionLikeByteByByte) {
  const Mask mask{0xA5, 0x00, 0x7F, 0xFF};
  for (std::size_t size = 0; size < 140; ++size) {
    for (std::uint64_t position = 0; position < 9; ++position) {
      std::string masked(size, '\0');
      std::string expected(size, '\0');
      for (std::size_t i = 0; i < size; ++i) {
        masked[i] = static_cast<char>(i * 31);
        expected[i] = static_cast<char>(masked[i] ^ static_cast<char>(mask[(position + i) % 4]));
      }
      apply_mask(masked, mask, position);
      ASSERT_EQ(masked, expected) << size << " bytes at " << position;
    }
  }
}

TEST(ApplyMaskTest, UndoesItself) {
  const std::string text = "a text that is longer than one word of the machine";
  std::string masked = text;
  apply_mask(masked, {9, 8, 7, 6}, 3);
  EXPECT_NE(masked, text);
  apply_mask(masked, {9, 8, 7, 6}, 3);
  EXPECT_EQ(masked, text);
}

TEST(ApplyMaskTest, TouchesNothingBesideTheBytes) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string around(size + 32, '#');
    apply_mask(std::span(around).subspan(16, size), {1, 2, 3, 4});
    EXPECT_EQ(around.substr(0, 16), std::string(16, '#'));
    EXPECT_EQ(around.substr(16 + size), std::string(16, '#'));
  }
}

TEST(ApplyMaskTest, SaysWhetherTheOutcomeIsAscii) {
  const Mask mask{0x80, 0xFF, 0x01, 0xC3};
  for (std::size_t size = 0; size < 100; ++size) {
    std::string text(size, 'a');
    apply_mask(text, mask);
    EXPECT_TRUE(apply_mask(text, mask)) << size;
    for (std::size_t position = 0; position < size; ++position) {
      text.assign(size, 'a');
      text[position] = '\x80';
      apply_mask(text, mask);
      EXPECT_FALSE(apply_mask(text, mask)) << size << " bytes, not ASCII at " << position;
    }
  }
}

TEST(MaskSourceTest, GivesMasksThatDoNotRepeat) {
  MaskSource source;
  std::set<Mask> seen;
  constexpr std::size_t kMasks = 1000;  // several fills of its pool
  for (std::size_t i = 0; i < kMasks; ++i) seen.insert(source.next());
  // One repetition by chance happens once in 8000 runs, three never.
  EXPECT_GE(seen.size(), kMasks - 2);
}

}  // namespace
}  // namespace wskit::websocket
