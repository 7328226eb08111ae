#include "common/websocket/message_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "common/websocket/deflate.h"
#include "transcript.h"

namespace wskit::websocket {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MessageReaderTest : public testing::Test {
 protected:
  std::vector<std::string> read(std::string_view stream) {
    MessageReader reader(Role::kServer, limits_);
    return transcript(reader, stream);
  }

  // What every way to cut `stream` in two, and in single bytes, comes to: the
  // claim is that it is the same.
  std::vector<std::string> read_however_cut(std::string_view stream) {
    std::vector<std::string> whole = read(stream);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      MessageReader reader(Role::kServer, limits_);
      EXPECT_EQ(transcript(reader, stream, std::array{cut}), whole) << "cut at " << cut;
    }
    MessageReader reader(Role::kServer, limits_);
    EXPECT_EQ(transcript_bytewise(reader, stream), whole) << "byte by byte";
    return whole;
  }

  ReaderLimits limits_;
};

std::string fragment(Opcode opcode, std::string_view payload) {
  return client_frame(first_byte(opcode, false), payload);
}

TEST_F(MessageReaderTest, HandsOutATextMessageHoweverItArrives) {
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kText, "grüße, 世界 🌍")),
              ElementsAre("text:grüße, 世界 🌍"));
}

TEST_F(MessageReaderTest, HandsOutABinaryMessageThatIsNotUtf8) {
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kBinary, "\xFF\xFE")), ElementsAre("binary:\xFF\xFE"));
}

TEST_F(MessageReaderTest, HandsOutEmptyMessagesAndPings) {
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kText, "") + client_frame(Opcode::kBinary, "") +
                               client_frame(Opcode::kPing, "") + client_frame(Opcode::kPong, "")),
              ElementsAre("text:", "binary:", "ping:", "pong:"));
}

TEST_F(MessageReaderTest, GivesBackWhatItHasNotComeTo) {
  std::string fed = client_frame(Opcode::kText, "one") + client_frame(Opcode::kText, "two");
  MessageReader reader(Role::kServer, limits_);
  reader.feed(fed);
  ASSERT_EQ(reader.next().kind, MessageReader::Kind::kMessage);
  const std::span<char> rest = reader.take_back();
  const std::string kept(rest.begin(), rest.end());
  EXPECT_EQ(kept, client_frame(Opcode::kText, "two"));
  EXPECT_EQ(reader.next().kind, MessageReader::Kind::kNeedMore);
  EXPECT_TRUE(reader.take_back().empty());
  EXPECT_THAT(transcript(reader, kept), ElementsAre("text:two"));
}

TEST_F(MessageReaderTest, ReadsEveryFormOfTheLength) {
  for (const std::size_t bytes : {1UL, 125UL, 126UL, 127UL, 255UL, 256UL, 65535UL, 65536UL, 70000UL}) {
    const std::string payload(bytes, 'x');
    const std::string stream = client_frame(Opcode::kText, payload) + client_frame(Opcode::kPing, "p");
    EXPECT_THAT(read(stream), ElementsAre("text:" + payload, "ping:p")) << bytes;
    MessageReader reader(Role::kServer, limits_);
    EXPECT_THAT(transcript_bytewise(reader, stream), ElementsAre("text:" + payload, "ping:p")) << bytes;
  }
}

TEST_F(MessageReaderTest, JoinsFragmentsAndKeepsThemApartFromTheNextMessage) {
  EXPECT_THAT(
      read_however_cut(fragment(Opcode::kText, "one ") + fragment(Opcode::kContinuation, "two ") +
                       client_frame(Opcode::kContinuation, "three") + client_frame(Opcode::kText, "four")),
      ElementsAre("text:one two three", "text:four"));
}

TEST_F(MessageReaderTest, JoinsEmptyFragments) {
  EXPECT_THAT(read_however_cut(fragment(Opcode::kText, "") + fragment(Opcode::kContinuation, "") +
                               client_frame(Opcode::kContinuation, "")),
              ElementsAre("text:"));
}

TEST_F(MessageReaderTest, HandsOutControlFramesBetweenFragments) {
  EXPECT_THAT(read_however_cut(fragment(Opcode::kBinary, "a") + client_frame(Opcode::kPing, "1") +
                               fragment(Opcode::kContinuation, "b") + client_frame(Opcode::kPong, "2") +
                               client_frame(Opcode::kContinuation, "c")),
              ElementsAre("ping:1", "pong:2", "binary:abc"));
}

TEST_F(MessageReaderTest, LetsACodePointSpanFragments) {
  EXPECT_THAT(
      read_however_cut(fragment(Opcode::kText, "\xF0\x9F") + client_frame(Opcode::kPing, "") +
                       fragment(Opcode::kContinuation, "\x8C") + client_frame(Opcode::kContinuation, "\x8D")),
      ElementsAre("ping:", "text:🌍"));
}

TEST_F(MessageReaderTest, ReportsThePeersCloseAndNothingAfterIt) {
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kClose, close_payload(1000, "tschüß")) +
                               client_frame(Opcode::kText, "late")),
              ElementsAre("close:1000:tschüß"));
}

TEST_F(MessageReaderTest, ReportsACloseWithoutACodeAs1005) {
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kClose, "")), ElementsAre("close:1005:"));
}

TEST_F(MessageReaderTest, TakesACloseInTheMiddleOfAMessage) {
  EXPECT_THAT(read_however_cut(fragment(Opcode::kText, "half") +
                               client_frame(Opcode::kClose, close_payload(1001, std::string(123, 'r')))),
              ElementsAre("close:1001:" + std::string(123, 'r')));
}

TEST_F(MessageReaderTest, StaysSilentAfterACloseHoweverMuchIsFed) {
  MessageReader reader(Role::kServer, limits_);
  EXPECT_THAT(transcript(reader, client_frame(Opcode::kClose, "")), ElementsAre("close:1005:"));
  EXPECT_THAT(transcript(reader, client_frame(Opcode::kText, "late")), IsEmpty());
  EXPECT_FALSE(reader.mid_message());
}

TEST_F(MessageReaderTest, ReadsAServersUnmaskedFrames) {
  MessageReader reader(Role::kClient, limits_);
  const std::string stream = server_frame(first_byte(Opcode::kText), "plain") +
                             server_frame(first_byte(Opcode::kText, false), "in ") +
                             server_frame(first_byte(Opcode::kContinuation), "parts");
  EXPECT_THAT(transcript(reader, stream), ElementsAre("text:plain", "text:in parts"));
  EXPECT_THAT(transcript_bytewise(reader, stream), ElementsAre("text:plain", "text:in parts"));
}

TEST_F(MessageReaderTest, PointsIntoTheFedBufferWhenTheMessageIsWhole) {
  std::string stream = client_frame(Opcode::kPing, "p") + client_frame(Opcode::kText, "in place");
  MessageReader reader(Role::kServer, limits_);
  reader.feed(stream);
  EXPECT_EQ(describe(reader.next()), "ping:p");
  const MessageReader::Item item = reader.next();
  ASSERT_EQ(describe(item), "text:in place");
  EXPECT_EQ(item.payload.data(), stream.data() + stream.size() - item.payload.size());
}

TEST_F(MessageReaderTest, PadsAMessageThatItPutTogether) {
  std::string stream = fragment(Opcode::kText, "a") + client_frame(Opcode::kContinuation, "b");
  MessageReader reader(Role::kServer, limits_);
  reader.feed(stream);
  const MessageReader::Item item = reader.next();
  ASSERT_EQ(describe(item), "text:ab");
  const std::string padding(item.payload.data() + item.payload.size(), MessageReader::kPadding);
  EXPECT_EQ(padding, std::string(MessageReader::kPadding, '\0'));
}

TEST_F(MessageReaderTest, KnowsWhetherItIsInTheMiddleOfSomething) {
  MessageReader reader(Role::kServer, limits_);
  EXPECT_FALSE(reader.mid_message());
  const std::string stream = fragment(Opcode::kText, "ab") + client_frame(Opcode::kContinuation, "c");
  for (const char& byte : stream) {
    char piece = byte;
    reader.feed({&piece, 1});
    const bool done = reader.next().kind == MessageReader::Kind::kMessage;
    EXPECT_EQ(done, &byte == &stream.back());
    EXPECT_EQ(reader.mid_message(), !done);
    EXPECT_EQ(reader.next().kind, MessageReader::Kind::kNeedMore);
  }
}

TEST_F(MessageReaderTest, GoesOnAfterBeingMovedInTheMiddleOfAMessage) {
  const std::string stream = fragment(Opcode::kText, "moved ") + client_frame(Opcode::kContinuation, "on");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    MessageReader first(Role::kServer, limits_);
    std::vector<std::string> items = transcript(first, std::string_view(stream).substr(0, cut));
    MessageReader second(std::move(first));
    for (std::string& item : transcript(second, std::string_view(stream).substr(cut))) {
      items.push_back(std::move(item));
    }
    EXPECT_THAT(items, ElementsAre("text:moved on")) << cut;
  }
}

TEST_F(MessageReaderTest, TakesAMessageOfExactlyTheLimit) {
  limits_.max_message_bytes = 10;
  EXPECT_THAT(read_however_cut(client_frame(Opcode::kText, "0123456789") + fragment(Opcode::kText, "01234") +
                               client_frame(Opcode::kContinuation, "56789")),
              ElementsAre("text:0123456789", "text:0123456789"));
}

TEST_F(MessageReaderTest, TakesAsManyFragmentsAsTheLimit) {
  limits_.max_fragments = 3;
  EXPECT_THAT(read_however_cut(fragment(Opcode::kText, "a") + fragment(Opcode::kContinuation, "b") +
                               client_frame(Opcode::kContinuation, "c")),
              ElementsAre("text:abc"));
}

}  // namespace
}  // namespace wskit::websocket
