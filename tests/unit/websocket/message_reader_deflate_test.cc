// Compressed messages through the reader, with an inflater of the connection's
// own and with one that many share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "allocation_meter.h"
#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "transcript.h"

namespace wskit::websocket {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

enum class Inflating { kShared, kOwn };

class MessageReaderDeflateTest : public testing::TestWithParam<Inflating> {
 protected:
  MessageReader make_reader() {
    MessageReader reader(Role::kServer, limits_);
    if (GetParam() == Inflating::kOwn) {
      reader.own_inflater(std::make_unique<Inflater>(15, true));
    } else {
      reader.share_inflater(&shared_);
    }
    return reader;
  }

  std::string compress(std::string_view message) {
    std::string out;
    deflater_.compress(message, out);
    return out;
  }

  std::string compressed_frame(std::string_view message, Opcode opcode = Opcode::kText) {
    return client_frame(first_byte(opcode, true, true), compress(message));
  }

  // `payload` in frames of `size` bytes, the first marked as compressed.
  static std::string fragments(std::string_view payload, std::size_t size, Opcode opcode = Opcode::kText) {
    std::string out;
    for (std::size_t at = 0; at < payload.size(); at += size) {
      const bool last = at + size >= payload.size();
      const Opcode here = at == 0 ? opcode : Opcode::kContinuation;
      out += client_frame(first_byte(here, last, at == 0), payload.substr(at, size));
    }
    return out;
  }

  ReaderLimits limits_;
  Deflater deflater_{15, GetParam() == Inflating::kOwn};
  Inflater shared_{15, false};
};

TEST_P(MessageReaderDeflateTest, InflatesAMessageHoweverItArrives) {
  const std::string message = "grüße und noch einmal grüße";
  const std::string payload = compress(message);
  const std::string stream = client_frame(first_byte(Opcode::kText, true, true), payload);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    MessageReader reader = make_reader();
    EXPECT_THAT(transcript(reader, stream, std::array{cut}), ElementsAre("text:" + message))
        << "cut at " << cut;
    EXPECT_FALSE(reader.mid_message());
  }
  for (std::size_t size = 1; size <= payload.size(); ++size) {
    MessageReader reader = make_reader();
    EXPECT_THAT(transcript_bytewise(reader, fragments(payload, size)), ElementsAre("text:" + message))
        << size;
  }
}

TEST_P(MessageReaderDeflateTest, TakesPlainMessagesBetweenCompressedOnes) {
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, compressed_frame("one") + client_frame(Opcode::kText, "two") +
                                     compressed_frame("three", Opcode::kBinary) + compressed_frame("") +
                                     client_frame(Opcode::kPing, "p")),
              ElementsAre("text:one", "text:two", "binary:three", "text:", "ping:p"));
}

TEST_P(MessageReaderDeflateTest, LetsControlFramesStandBetweenCompressedFragments) {
  const std::string payload = compress("in two parts");
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, client_frame(first_byte(Opcode::kText, false, true), payload.substr(0, 3)) +
                                     client_frame(Opcode::kPing, "p") +
                                     client_frame(first_byte(Opcode::kContinuation), payload.substr(3))),
              ElementsAre("ping:p", "text:in two parts"));
}

TEST_P(MessageReaderDeflateTest, GivesBackMessagesThatGrowOnOneConnection) {
  MessageReader reader = make_reader();
  std::string message;
  for (int i = 0; i < 300; ++i) {
    message += "message " + std::to_string(i * 7919) + " ";
    ASSERT_THAT(transcript(reader, compressed_frame(message)), ElementsAre("text:" + message)) << i;
  }
}

TEST_P(MessageReaderDeflateTest, TakesAMessageOfExactlyTheLimit) {
  limits_.max_message_bytes = 1000;
  MessageReader reader = make_reader();
  const std::string message(1000, 'z');
  EXPECT_THAT(transcript(reader, compressed_frame(message)), ElementsAre("text:" + message));
}

TEST_P(MessageReaderDeflateTest, TakesAMessageOfTheLimitThatCompressionMadeLonger) {
  limits_.max_message_bytes = 1000;
  std::string noise;
  std::uint32_t state = 1;
  while (noise.size() < limits_.max_message_bytes) {
    state = state * 1664525 + 1013904223;
    noise.push_back(static_cast<char>(state >> 24));
  }
  const std::string frame = compressed_frame(noise, Opcode::kBinary);
  ASSERT_GT(frame.size(), noise.size() + 8) << "longer than a plain frame of it";
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, frame), ElementsAre("binary:" + noise));
}

TEST_P(MessageReaderDeflateTest, RefusesAMessageThatInflatesPastTheLimit) {
  limits_.max_message_bytes = 1000;
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, compressed_frame("fine") + compressed_frame(std::string(1001, 'z'))),
              ElementsAre("text:fine", "violation:1009:message is larger than the limit"));
}

TEST_P(MessageReaderDeflateTest, RefusesACompressedFrameThatCouldNeverFit) {
  limits_.max_message_bytes = 1000;
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, client_header(first_byte(Opcode::kText, true, true), 4000)),
              ElementsAre("violation:1009:message is larger than the limit"));
}

TEST_P(MessageReaderDeflateTest, BoundsCompressedFragmentsThatInflateToNothing) {
  limits_.max_message_bytes = 1000;
  MessageReader reader = make_reader();
  std::string stream = client_frame(first_byte(Opcode::kText, false, true), std::string("\0\0\0\xff\xff", 5));
  for (int i = 0; i < 1000; ++i) {
    stream += client_frame(first_byte(Opcode::kContinuation, false), std::string("\0\0\0\xff\xff", 5));
  }
  EXPECT_THAT(transcript(reader, stream), ElementsAre("violation:1009:message is larger than the limit"));
}

TEST_P(MessageReaderDeflateTest, StopsABombWithinBounds) {
  limits_.max_message_bytes = std::size_t{1} << 20;
  std::string stream = compressed_frame(std::string(std::size_t{64} << 20, '\0'));
  MessageReader reader = make_reader();
  const AllocationMeter meter;
  reader.feed(stream);
  EXPECT_EQ(describe(reader.next()), "violation:1009:message is larger than the limit");
  EXPECT_LT(meter.peak_bytes(), 4 * limits_.max_message_bytes);
  EXPECT_EQ(meter.held_bytes(), 0);
}

TEST_P(MessageReaderDeflateTest, RefusesWhatCannotBeInflated) {
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, compressed_frame("fine") +
                                     client_frame(first_byte(Opcode::kText, true, true), "\xFF\xFF garbage")),
              ElementsAre("text:fine", "violation:1007:compressed message cannot be inflated"));
}

TEST_P(MessageReaderDeflateTest, RefusesAMessageThatEndsInTheMiddleOfABlock) {
  const std::string payload = compress("a message that is cut");
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript(reader, client_frame(first_byte(Opcode::kText, true, true), payload.substr(0, 10))),
              ElementsAre("violation:1007:compressed message cannot be inflated"));
}

TEST_P(MessageReaderDeflateTest, RefusesTextThatIsNotUtf8OnceInflated) {
  for (const std::string_view bad : {"abc\xFF", "cut \xE2\x82"}) {
    MessageReader reader = make_reader();
    std::string out;
    Deflater(15, false).compress(bad, out);
    EXPECT_THAT(transcript(reader, client_frame(first_byte(Opcode::kText, true, true), out)),
                ElementsAre("violation:1007:text message is not UTF-8"));
    MessageReader binary = make_reader();
    EXPECT_THAT(transcript(binary, client_frame(first_byte(Opcode::kBinary, true, true), out)),
                ElementsAre("binary:" + std::string(bad)));
  }
}

TEST_P(MessageReaderDeflateTest, PadsAnInflatedMessage) {
  std::string stream = compressed_frame("padded");
  MessageReader reader = make_reader();
  reader.feed(stream);
  const MessageReader::Item item = reader.next();
  ASSERT_EQ(describe(item), "text:padded");
  const std::string padding(item.payload.data() + item.payload.size(), MessageReader::kPadding);
  EXPECT_EQ(padding, std::string(MessageReader::kPadding, '\0'));
}

INSTANTIATE_TEST_SUITE_P(Inflating, MessageReaderDeflateTest,
                         testing::Values(Inflating::kShared, Inflating::kOwn), [](const auto& tested) {
                           return tested.param == Inflating::kOwn ? "Own" : "Shared";
                         });

TEST(SharedInflaterTest, ServesReadersWhoseMessagesArriveInTurns) {
  const ReaderLimits limits;
  Inflater shared(15, false);
  Deflater deflater(15, false);
  std::string first;
  std::string second;
  deflater.compress("the first reader's message", first);
  deflater.compress("the second reader's message", second);
  first = client_frame(first_byte(Opcode::kText, true, true), first);
  second = client_frame(first_byte(Opcode::kText, true, true), second);

  MessageReader one(Role::kServer, limits);
  MessageReader two(Role::kServer, limits);
  one.share_inflater(&shared);
  two.share_inflater(&shared);
  EXPECT_THAT(transcript(one, first.substr(0, 12)), IsEmpty());
  EXPECT_THAT(transcript(two, second.substr(0, 15)), IsEmpty());
  EXPECT_THAT(transcript(one, first.substr(12)), ElementsAre("text:the first reader's message"));
  EXPECT_THAT(transcript(two, second.substr(15)), ElementsAre("text:the second reader's message"));
}

TEST(SharedInflaterTest, SurvivesAReadersBadMessage) {
  const ReaderLimits limits;
  Inflater shared(15, false);
  std::string good;
  Deflater(15, false).compress("good", good);
  MessageReader bad_one(Role::kServer, limits);
  MessageReader good_one(Role::kServer, limits);
  bad_one.share_inflater(&shared);
  good_one.share_inflater(&shared);
  EXPECT_THAT(transcript(bad_one, client_frame(first_byte(Opcode::kText, true, true), "\xFF\xFF")),
              ElementsAre("violation:1007:compressed message cannot be inflated"));
  EXPECT_THAT(transcript(good_one, client_frame(first_byte(Opcode::kText, true, true), good)),
              ElementsAre("text:good"));
}

TEST(OwnInflaterTest, FindsBadTextBeforeTheMessageIsWhole) {
  const ReaderLimits limits;
  MessageReader reader(Role::kServer, limits);
  reader.own_inflater(std::make_unique<Inflater>(15, true));
  std::string out;
  Deflater deflater(15, true);
  deflater.compress("bad \xFF", out);
  out += std::string("\0\0\xff\xff", 4);
  EXPECT_THAT(transcript(reader, client_frame(first_byte(Opcode::kText, false, true), out)),
              ElementsAre("violation:1007:text message is not UTF-8"));
}

}  // namespace
}  // namespace wskit::websocket
