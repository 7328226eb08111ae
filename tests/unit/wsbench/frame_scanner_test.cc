#include "wsbench/frame_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wskit::bench {
namespace {

std::string frame(websocket::Opcode opcode, std::string_view payload, bool fin = true) {
  const websocket::FrameHeader header{.opcode = opcode, .payload_bytes = payload.size(), .fin = fin};
  std::string text(websocket::header_size(header), '\0');
  websocket::write_header(header, text.data());
  return text.append(payload);
}

struct Scan {
  std::vector<std::string> messages;
  std::vector<ScannedFrame> others;
  std::size_t used = 0;
};

Scan scan(std::string_view bytes, bool go_on = true) {
  Scan scan;
  scan.used = scan_frames(
      bytes, [&](std::string_view message) { scan.messages.emplace_back(message); },
      [&](const ScannedFrame& other) {
        scan.others.push_back(other);
        return go_on;
      });
  return scan;
}

TEST(FrameScannerTest, FindsMessagesOfEveryLengthForm) {
  const std::vector<std::string> payloads = {"",
                                             "a",
                                             std::string(125, 'b'),
                                             std::string(126, 'c'),
                                             std::string(65535, 'd'),
                                             std::string(65536, 'e')};
  std::string bytes;
  for (const std::string& payload : payloads) bytes += frame(websocket::Opcode::kText, payload);
  const Scan found = scan(bytes);
  EXPECT_EQ(found.messages, payloads);
  EXPECT_EQ(found.used, bytes.size());
}

TEST(FrameScannerTest, LeavesTheBeginningOfAFrameWhereverItIsCut) {
  const std::string first = frame(websocket::Opcode::kText, "first");
  const std::string bytes = first + frame(websocket::Opcode::kText, std::string(300, 'x'));
  for (std::size_t cut = first.size(); cut < bytes.size(); ++cut) {
    const Scan found = scan(std::string_view(bytes).substr(0, cut));
    ASSERT_EQ(found.messages.size(), 1U) << cut;
    ASSERT_EQ(found.used, first.size()) << cut;
  }
}

TEST(FrameScannerTest, HandsOutControlFramesAndFragmentsOneByOne) {
  const std::string bytes =
      frame(websocket::Opcode::kPing, "p") + frame(websocket::Opcode::kText, "a", false) +
      frame(websocket::Opcode::kContinuation, "b") + frame(websocket::Opcode::kText, "whole");
  const Scan found = scan(bytes);
  ASSERT_EQ(found.others.size(), 3U);
  EXPECT_EQ(found.others[0].opcode, websocket::Opcode::kPing);
  EXPECT_EQ(found.others[0].payload, "p");
  EXPECT_FALSE(found.others[1].fin);
  EXPECT_EQ(found.others[2].opcode, websocket::Opcode::kContinuation);
  EXPECT_EQ(found.messages, std::vector<std::string>{"whole"});
}

TEST(FrameScannerTest, AReservedBitAndAMaskAreNoValidFrames) {
  std::string reserved = frame(websocket::Opcode::kText, "abc");
  reserved[0] = static_cast<char>(reserved[0] | 0x40);
  std::string masked = frame(websocket::Opcode::kText, "abc");
  masked[1] = static_cast<char>(masked[1] | 0x80);
  for (const std::string& bytes : {reserved, masked}) {
    const Scan found = scan(bytes);
    ASSERT_EQ(found.others.size(), 1U);
    EXPECT_FALSE(found.others[0].valid);
    EXPECT_TRUE(found.messages.empty());
  }
}

TEST(FrameScannerTest, StopsWhereItIsToldTo) {
  const std::string close = frame(websocket::Opcode::kClose, "");
  const Scan found = scan(close + frame(websocket::Opcode::kText, "after"), false);
  EXPECT_EQ(found.used, close.size());
  EXPECT_TRUE(found.messages.empty());
}

}  // namespace
}  // namespace wskit::bench
