// What a reader holds: nothing while idle, and never more than arrived.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "allocation_meter.h"
#include "common/websocket/message_reader.h"
#include "transcript.h"

namespace wskit::websocket {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

class MessageReaderMemoryTest : public testing::Test {
 protected:
  // Feeds `bytes` and passes over what comes out; allocates nothing itself.
  void feed(std::span<char> bytes) {
    reader_.feed(bytes);
    while (reader_.next().kind != MessageReader::Kind::kNeedMore) {
    }
  }

  const ReaderLimits limits_{.max_message_bytes = 64 * kMebibyte};
  MessageReader reader_{Role::kServer, limits_};
};

TEST_F(MessageReaderMemoryTest, TakesNothingForWholeMessages) {
  std::string stream;
  for (int i = 0; i < 100; ++i)
    stream += client_frame(Opcode::kText, "whole") + client_frame(Opcode::kPing, "p");
  const AllocationMeter meter;
  feed(stream);
  EXPECT_EQ(meter.peak_bytes(), 0U);
}

TEST_F(MessageReaderMemoryTest, TakesNothingForAHeaderThatIsCut) {
  std::string stream = client_header(first_byte(Opcode::kText), 70'000);
  stream.pop_back();
  const AllocationMeter meter;
  feed(stream);
  EXPECT_EQ(meter.peak_bytes(), 0U);
  EXPECT_TRUE(reader_.mid_message());
}

TEST_F(MessageReaderMemoryTest, TakesMemoryForWhatArrivedAndNotForWhatWasAnnounced) {
  std::string stream = client_header(first_byte(Opcode::kBinary), 60 * kMebibyte) + std::string(1000, 'x');
  std::vector<char> more(100'000, 'x');
  const AllocationMeter meter;
  feed(stream);
  EXPECT_LT(meter.held_bytes(), 3000);
  feed(more);
  EXPECT_LT(meter.held_bytes(), 250'000);
}

TEST_F(MessageReaderMemoryTest, TakesMemoryForWhatArrivedInManyFragments) {
  std::string stream = client_frame(first_byte(Opcode::kBinary, false), "x");
  for (int i = 0; i < 10'000; ++i) stream += client_frame(first_byte(Opcode::kContinuation, false), "x");
  const AllocationMeter meter;
  feed(stream);
  EXPECT_LT(meter.peak_bytes(), 40'000U);
}

TEST_F(MessageReaderMemoryTest, TakesNoMoreThanTheWholeMessageAtItsEnd) {
  const std::string payload(3 * kMebibyte + 7, 'x');
  std::string stream = client_frame(Opcode::kBinary, payload);
  const std::size_t most = stream.size() - 1;
  const AllocationMeter meter;
  for (std::size_t at = 0; at < most; at += 65536) {
    feed(std::span(stream).subspan(at, std::min<std::size_t>(65536, most - at)));
  }
  EXPECT_LT(meter.held_bytes(), static_cast<std::ptrdiff_t>(payload.size() + 8192))
      << "not doubled past its end";
}

TEST_F(MessageReaderMemoryTest, GivesEverythingBackAfterTheMessage) {
  std::string stream = client_frame(first_byte(Opcode::kText, false), std::string(5000, 'x')) +
                       client_frame(Opcode::kPing, "p") + client_frame(Opcode::kContinuation, "y");
  const std::size_t half = stream.size() / 2;
  const AllocationMeter meter;
  feed(std::span(stream).first(half));
  EXPECT_GT(meter.held_bytes(), 0);
  feed(std::span(stream).subspan(half));
  EXPECT_EQ(meter.held_bytes(), 0);
}

TEST_F(MessageReaderMemoryTest, GivesEverythingBackAfterAViolationOrAClose) {
  for (const std::string& end : {client_frame(0xA1, ""), client_frame(Opcode::kClose, "")}) {
    std::string stream = client_frame(first_byte(Opcode::kText, false), std::string(5000, 'x')) + end;
    const std::size_t half = stream.size() / 2;
    MessageReader reader(Role::kServer, limits_);
    const AllocationMeter meter;
    reader.feed(std::span(stream).first(half));
    EXPECT_EQ(reader.next().kind, MessageReader::Kind::kNeedMore);
    reader.feed(std::span(stream).subspan(half));
    EXPECT_NE(reader.next().kind, MessageReader::Kind::kNeedMore);
    EXPECT_EQ(reader.next().kind, MessageReader::Kind::kNeedMore);
    EXPECT_EQ(meter.held_bytes(), 0);
  }
}

}  // namespace
}  // namespace wskit::websocket
