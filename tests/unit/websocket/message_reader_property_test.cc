// Random conversations, random frames, random pieces: what comes out is what was
// said, and it does not depend on the pieces.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "transcript.h"

namespace wskit::websocket {
namespace {

// A peer that says random things in random frames and keeps record of them.
class RandomPeer {
 public:
  RandomPeer(unsigned seed, Role role, bool deflate) : random_(seed), role_(role), deflate_(deflate) {}

  void say_something() {
    if (below(4) == 0) return say_control();
    const bool is_text = below(2) == 0;
    const std::string message = is_text ? random_text() : random_bytes();
    const bool compressed = deflate_ && below(2) == 0;
    std::string payload = message;
    if (compressed) {
      payload.clear();
      deflater_.compress(message, payload);
    }
    send_in_frames(is_text ? Opcode::kText : Opcode::kBinary, payload, compressed);
    said.push_back((is_text ? "text:" : "binary:") + message);
  }

  std::vector<std::size_t> random_cuts() {
    std::vector<std::size_t> cuts(below(20));
    for (std::size_t& cut : cuts) cut = below(stream.size() + 1);
    std::sort(cuts.begin(), cuts.end());
    return cuts;
  }

  std::size_t below(std::size_t end) { return random_() % end; }

  std::string stream;
  std::vector<std::string> said;

 private:
  void say_control() {
    const bool ping = below(2) == 0;
    const std::string payload = random_bytes().substr(0, kMaxControlPayload);
    send(first_byte(ping ? Opcode::kPing : Opcode::kPong), payload);
    said.push_back((ping ? "ping:" : "pong:") + payload);
  }

  void send_in_frames(Opcode opcode, std::string_view payload, bool compressed) {
    bool first = true;
    while (below(3) == 0) {
      const std::string_view part = payload.substr(0, below(payload.size() + 1));
      send(first_byte(first ? opcode : Opcode::kContinuation, false, compressed && first), part);
      payload.remove_prefix(part.size());
      first = false;
      if (below(3) == 0) say_control();
    }
    send(first_byte(first ? opcode : Opcode::kContinuation, true, compressed && first), payload);
  }

  void send(std::uint8_t first, std::string_view payload) {
    stream += role_ == Role::kClient ? client_frame(first, payload) : server_frame(first, payload);
  }

  std::size_t random_size() { return below(20) == 0 ? 65'500 + below(100) : below(below(2) == 0 ? 8 : 400); }

  std::string random_bytes() {
    std::string out(random_size(), '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }

  std::string random_text() {
    constexpr std::array<std::string_view, 5> kLetters = {"a", "ß", "€", "世", "🌍"};
    std::string out;
    const std::size_t letters = 1 + below(kLetters.size());
    for (std::size_t i = random_size(); i > 0; --i) out += kLetters[below(letters)];
    return out;
  }

  std::mt19937 random_;
  Role role_;
  bool deflate_;
  Deflater deflater_{15, true};
};

std::vector<std::string> read(Role peer, bool deflate, std::string_view stream,
                              std::span<const std::size_t> cuts) {
  const ReaderLimits limits;
  MessageReader reader(peer == Role::kClient ? Role::kServer : Role::kClient, limits);
  if (deflate) reader.own_inflater(std::make_unique<Inflater>(15, true));
  return transcript(reader, stream, cuts);
}

class MessageReaderPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(MessageReaderPropertyTest, HandsOutWhatWasSaidHoweverItWasFramedAndCut) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (const bool deflate : {false, true}) {
      RandomPeer peer(GetParam(), role, deflate);
      for (int i = 0; i < 30; ++i) peer.say_something();
      EXPECT_EQ(read(role, deflate, peer.stream, peer.random_cuts()), peer.said);
    }
  }
}

TEST_P(MessageReaderPropertyTest, SaysTheSameOfADamagedStreamHoweverItIsCut) {
  RandomPeer peer(GetParam(), Role::kClient, true);
  for (int i = 0; i < 8; ++i) peer.say_something();
  for (int damage = 0; damage < 50; ++damage) {
    std::string stream = peer.stream;
    char& byte = stream[peer.below(stream.size())];
    byte = static_cast<char>(byte ^ (1 << peer.below(8)));
    const std::vector<std::string> whole = read(Role::kClient, true, stream, {});
    EXPECT_EQ(read(Role::kClient, true, stream, peer.random_cuts()), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MessageReaderPropertyTest, testing::Range(0U, 40U));

}  // namespace
}  // namespace wskit::websocket
