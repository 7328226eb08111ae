// Each rule of RFC 6455 that a peer can break: the close code, the earliest byte
// at which it shows, and that what was valid before is handed out first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "transcript.h"

namespace wskit::websocket {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::size_t kMaxMessage = 100'000;

struct Case {
  std::string name;
  std::string bytes;     // what the peer sends, with more after it
  std::string expected;  // "code:reason"
  std::size_t seen_at;   // bytes of it after which the violation shows
  Role reader = Role::kServer;
  bool deflate = false;
  std::string before{};  // valid, and nothing to hand out yet
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

std::string fragment(Opcode opcode, std::string_view payload) {
  return client_frame(first_byte(opcode, false), payload);
}

class MessageReaderViolationTest : public testing::TestWithParam<Case> {
 protected:
  MessageReader make_reader() {
    MessageReader reader(GetParam().reader, limits_);
    if (GetParam().deflate) reader.share_inflater(&inflater_);
    return reader;
  }

  [[nodiscard]] std::string valid_frame() const {
    const std::uint8_t first = first_byte(Opcode::kText);
    return GetParam().reader == Role::kServer ? client_frame(first, "ok") : server_frame(first, "ok");
  }

  const ReaderLimits limits_{.max_message_bytes = kMaxMessage, .max_fragments = 3};
  Inflater inflater_{15, false};
};

TEST_P(MessageReaderViolationTest, IsNamedAfterWhatWasValidHoweverItArrives) {
  const std::string stream = valid_frame() + GetParam().before + GetParam().bytes + valid_frame();
  const auto expected = ElementsAre("text:ok", "violation:" + GetParam().expected);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    MessageReader reader = make_reader();
    EXPECT_THAT(transcript(reader, stream, std::array{cut}), expected) << "cut at " << cut;
    EXPECT_THAT(transcript(reader, valid_frame()), IsEmpty()) << "the stream is over";
    EXPECT_FALSE(reader.mid_message());
  }
  MessageReader reader = make_reader();
  EXPECT_THAT(transcript_bytewise(reader, stream), expected);
}

TEST_P(MessageReaderViolationTest, ShowsAtTheEarliestByte) {
  const std::string_view bytes = GetParam().bytes;
  MessageReader reader = make_reader();
  ASSERT_THAT(transcript(reader, GetParam().before), IsEmpty());
  EXPECT_THAT(transcript_bytewise(reader, bytes.substr(0, GetParam().seen_at - 1)), IsEmpty());
  EXPECT_THAT(transcript(reader, bytes.substr(GetParam().seen_at - 1, 1)),
              ElementsAre("violation:" + GetParam().expected));
}

std::vector<Case> header_cases() {
  std::vector<Case> cases;
  const std::string reserved = "1002:reserved bit set in a frame header";
  cases.push_back({"Rsv2", client_frame(0xA1, "x"), reserved, 1});
  cases.push_back({"Rsv3", client_frame(0x91, "x"), reserved, 1});
  cases.push_back({"Rsv2OnControl", client_frame(0xA9, "x"), reserved, 1});
  cases.push_back({"Rsv3WithDeflate", client_frame(0xD1, "x"), reserved, 1, Role::kServer, true});
  cases.push_back({"Rsv1WithoutDeflate", client_frame(0xC1, "x"),
                   "1002:compressed frame, but compression was not negotiated", 1});
  cases.push_back({"Rsv1OnPing", client_frame(0xC9, "x"), "1002:control frame marked as compressed", 1,
                   Role::kServer, true});
  cases.push_back({"Rsv1OnContinuation", client_frame(0xC0, "x"),
                   "1002:continuation frame marked as compressed", 1, Role::kServer, true,
                   fragment(Opcode::kText, "a")});
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    cases.push_back({"Opcode" + std::to_string(opcode),
                     client_frame(static_cast<std::uint8_t>(kFin | opcode), ""), "1002:unknown opcode", 1});
  }
  cases.push_back({"UnmaskedFromClient", server_frame(0x81, "x"), "1002:frame of a client is not masked", 2});
  cases.push_back({"UnmaskedEmptyPing", server_frame(0x89, ""), "1002:frame of a client is not masked", 2});
  cases.push_back(
      {"MaskedFromServer", client_frame(0x81, "x"), "1002:frame of a server is masked", 2, Role::kClient});
  return cases;
}

std::vector<Case> control_cases() {
  std::vector<Case> cases;
  const std::string fragmented = "1002:control frame in fragments";
  cases.push_back({"FragmentedClose", client_frame(0x08, ""), fragmented, 1});
  cases.push_back({"FragmentedPing", client_frame(0x09, "x"), fragmented, 1});
  cases.push_back({"FragmentedPong", client_frame(0x0A, "x"), fragmented, 1});
  const std::string lengthy = "1002:control frame of more than 125 bytes";
  cases.push_back({"LongPing", client_frame(0x89, std::string(126, 'x')), lengthy, 2});
  cases.push_back({"LongPong", client_frame(0x8A, std::string(300, 'x')), lengthy, 2});
  cases.push_back({"LongClose", client_frame(0x88, close_payload(1000, std::string(124, 'x'))), lengthy, 2});
  cases.push_back({"CloseOfOneByte", client_frame(0x88, "\x03"), "1002:close frame of one byte", 2});
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535}) {
    cases.push_back({"CloseCode" + std::to_string(code),
                     client_frame(0x88, close_payload(static_cast<std::uint16_t>(code))),
                     "1002:close code that may not be sent", 8});
  }
  cases.push_back({"CloseReasonNotUtf8", client_frame(0x88, close_payload(1000, "a\xFF")),
                   "1007:close reason is not UTF-8", 10});
  cases.push_back({"CloseReasonCutInACodePoint", client_frame(0x88, close_payload(1000, "\xE2\x82")),
                   "1007:close reason is not UTF-8", 10});
  return cases;
}

std::vector<Case> message_cases() {
  std::vector<Case> cases;
  cases.push_back(
      {"ContinuationFirst", client_frame(0x80, "x"), "1002:continuation frame, but no message has begun", 1});
  cases.push_back({"UnfinishedContinuationFirst", client_frame(0x00, "x"),
                   "1002:continuation frame, but no message has begun", 1});
  for (const int first : {0x81, 0x82, 0x01, 0x02}) {
    cases.push_back({"NewMessageInAFragmentedOne" + std::to_string(first),
                     client_frame(static_cast<std::uint8_t>(first), "x"),
                     "1002:new message inside a fragmented one", 1, Role::kServer, false,
                     fragment(Opcode::kText, "a") + fragment(Opcode::kContinuation, "b")});
  }
  const std::string not_text = "1007:text message is not UTF-8";
  cases.push_back({"BadText", client_frame(0x81, "abc\xFFxyz"), not_text, 6 + 4});
  cases.push_back({"BadTextInAFragment", client_frame(0x00, "abc\xFFxyz"), not_text, 6 + 4, Role::kServer,
                   false, fragment(Opcode::kText, "fine")});
  cases.push_back({"BadContinuationByteInTheNextFragment", client_frame(0x80, "A"), not_text, 6 + 1,
                   Role::kServer, false, fragment(Opcode::kText, "\xE2\x82")});
  cases.push_back({"TextCutInACodePoint", client_frame(0x81, "ab\xE2\x82"), not_text, 6 + 4});
  cases.push_back({"LastFragmentEmptyInACodePoint", client_frame(0x80, ""), not_text, 6, Role::kServer, false,
                   fragment(Opcode::kText, "\xE2\x82")});
  return cases;
}

std::vector<Case> size_cases() {
  std::vector<Case> cases;
  const std::string length = "1002:payload length not in its shortest form";
  cases.push_back({"ShortIn16Bits", raw({0x81, 0xFE, 0, 125, 1, 2, 3, 4}), length, 4});
  cases.push_back({"ZeroIn16Bits", raw({0x82, 0xFE, 0, 0, 1, 2, 3, 4}), length, 4});
  cases.push_back({"ShortIn64Bits", raw({0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4}), length, 10});
  cases.push_back(
      {"MediumIn64Bits", raw({0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4}), length, 10});
  cases.push_back({"TopBit", raw({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}),
                   "1002:payload length with the top bit set", 3});
  const std::string big = "1009:message is larger than the limit";
  cases.push_back({"TooBig", client_header(0x82, kMaxMessage + 1), big, 10});
  cases.push_back({"HugeIn63Bits", client_header(0x82, 0x7FFF'FFFF'FFFF'FFFF), big, 10});
  cases.push_back({"TooBigInFragments", client_header(0x80, kMaxMessage - 9), big, 10, Role::kServer, false,
                   fragment(Opcode::kBinary, "0123456789")});
  cases.push_back({"SumPast64Bits", client_header(0x80, 0x7FFF'FFFF'FFFF'FFFF), big, 10, Role::kServer, false,
                   fragment(Opcode::kBinary, "0123456789")});
  cases.push_back({"TooManyFragments", client_frame(0x80, ""),
                   "1009:message in more fragments than the limit", 1, Role::kServer, false,
                   fragment(Opcode::kText, "a") + fragment(Opcode::kContinuation, "") +
                       fragment(Opcode::kContinuation, "")});
  return cases;
}

constexpr auto kName = [](const auto& tested) { return tested.param.name; };

INSTANTIATE_TEST_SUITE_P(Header, MessageReaderViolationTest, testing::ValuesIn(header_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Control, MessageReaderViolationTest, testing::ValuesIn(control_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Message, MessageReaderViolationTest, testing::ValuesIn(message_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Size, MessageReaderViolationTest, testing::ValuesIn(size_cases()), kName);

// A text of `bytes` fed as one frame is refused at its last byte and not before,
// although more is announced.
void expect_refused_at_the_last_byte(const std::string& bytes) {
  const ReaderLimits limits;
  MessageReader reader(Role::kClient, limits);
  ASSERT_THAT(transcript(reader, raw({0x81, 125})), IsEmpty());
  EXPECT_THAT(transcript_bytewise(reader, std::string_view(bytes).substr(0, bytes.size() - 1)), IsEmpty());
  EXPECT_THAT(transcript(reader, bytes.substr(bytes.size() - 1)), ElementsAre(StartsWith("violation:1007:")));
}

TEST(MessageReaderTextTest, RefusesBadUtf8AtItsFirstWrongByteInTheMiddleOfAFrame) {
  const std::initializer_list<std::string> bad_sequences = {
      "\x80",     "\xBF",         "\xC0",         "\xC1",     "\xC2\x41",
      "\xE0\x9F", "\xE1\x80\x7F", "\xED\xA0",     "\xF0\x8F", "\xF0\x90\x80\xC0",
      "\xF4\x90", "\xF5",         "\xFE",         "\xFF",     "\xE2\x82\xE2",
      "\xC3\xC3", "\xF8",         "\xEF\xBF\xFF",
  };
  for (const std::string& bad : bad_sequences) {
    for (std::size_t position = 0; position < 40; ++position) {
      SCOPED_TRACE(testing::PrintToString(bad) + " at " + std::to_string(position));
      expect_refused_at_the_last_byte(std::string(position, 'a') + bad);
      expect_refused_at_the_last_byte("ä" + std::string(position, 'a') + "世" + bad);
    }
  }
}

TEST(MessageReaderTextTest, RefusesABadByteAnywhereInAWholeFrame) {
  const ReaderLimits limits;
  for (std::size_t size = 1; size < 200; ++size) {
    for (std::size_t position = 0; position < size; ++position) {
      std::string text(size, 'a');
      text[position] = '\xFF';
      MessageReader reader(Role::kServer, limits);
      EXPECT_THAT(transcript(reader, client_frame(Opcode::kText, text)),
                  ElementsAre(StartsWith("violation:1007:")))
          << size << " bytes, bad at " << position;
    }
  }
}

}  // namespace
}  // namespace wskit::websocket
