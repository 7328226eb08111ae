#include "common/websocket/message_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transcript.h"

namespace wskit::websocket {
namespace {

using testing::ElementsAre;

std::vector<std::string> read(Role role, std::string_view stream) {
  const ReaderLimits limits;
  MessageReader reader(role, limits);
  return transcript(reader, stream);
}

TEST(MessageWriterTest, WritesAServersFramesPlain) {
  std::string out = "kept ";
  append_frame(out, Opcode::kText, "hello", nullptr);
  EXPECT_EQ(out, "kept " + server_frame(first_byte(Opcode::kText), "hello"));
}

TEST(MessageWriterTest, MarksACompressedMessage) {
  std::string out;
  append_frame(out, Opcode::kBinary, "x", nullptr, true);
  EXPECT_EQ(out, server_frame(first_byte(Opcode::kBinary, true, true), "x"));
}

TEST(MessageWriterTest, MasksEveryFrameOfAClientAnew) {
  MaskSource mask;
  std::string first;
  std::string second;
  append_frame(first, Opcode::kText, "the same message", &mask);
  append_frame(second, Opcode::kText, "the same message", &mask);
  EXPECT_NE(first, second);
  EXPECT_EQ(first.find("same"), std::string::npos);
  EXPECT_THAT(read(Role::kServer, first + second),
              ElementsAre("text:the same message", "text:the same message"));
}

TEST(MessageWriterTest, WritesPayloadsOfEverySizeClass) {
  MaskSource mask;
  for (const std::size_t bytes : {0UL, 1UL, 125UL, 126UL, 65535UL, 65536UL}) {
    const std::string payload(bytes, 'p');
    std::string out;
    append_frame(out, Opcode::kBinary, payload, &mask);
    EXPECT_THAT(read(Role::kServer, out), ElementsAre("binary:" + payload));
  }
}

TEST(MessageWriterTest, WritesACloseWithItsReason) {
  MaskSource mask;
  std::string out;
  append_close(out, protocol::CloseCode::kGoingAway, "back soon", &mask);
  EXPECT_THAT(read(Role::kServer, out), ElementsAre("close:1001:back soon"));
}

TEST(MessageWriterTest, WritesAnEmptyCloseForNoStatus) {
  std::string out;
  append_close(out, protocol::CloseCode::kNoStatus, "ignored", nullptr);
  EXPECT_EQ(out, server_frame(first_byte(Opcode::kClose), ""));
}

TEST(MessageWriterTest, CutsALongReasonBetweenTwoCodePoints) {
  for (std::size_t ascii = 119; ascii <= 124; ++ascii) {
    std::string out;
    append_close(out, protocol::CloseCode::kNormal, std::string(ascii, 'r') + "世世", nullptr);
    const std::string kept = std::string(std::min<std::size_t>(ascii, 123), 'r') + (ascii <= 120 ? "世" : "");
    EXPECT_THAT(read(Role::kClient, out), ElementsAre("close:1000:" + kept)) << ascii;
  }
}

}  // namespace
}  // namespace wskit::websocket
