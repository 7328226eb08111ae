#include "wsserve/connection/outbound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::server {
namespace {

using Control = Outbound::Control;

// A server's frame with a payload of `bytes` times `letter`, built by hand.
std::string frame(char letter, std::size_t bytes, char first = '\x81') {
  std::string out(1, first);
  const auto push = [&](std::size_t byte) { out.push_back(static_cast<char>(byte & 0xFF)); };
  if (bytes < 126) {
    push(bytes);
  } else if (bytes < 65536) {
    push(126);
    push(bytes >> 8);
    push(bytes);
  } else {
    push(127);
    for (int shift = 56; shift >= 0; shift -= 8) push(bytes >> shift);
  }
  return out + std::string(bytes, letter);
}

std::string ping(std::string_view payload) {
  return std::string("\x89") + static_cast<char>(payload.size()) + std::string(payload);
}
std::string pong(std::string_view payload) {
  return std::string("\x8A") + static_cast<char>(payload.size()) + std::string(payload);
}

ChunkPtr run_of(const std::vector<std::string>& frames) {
  std::string bytes;
  for (const std::string& each : frames) bytes += each;
  return Chunk::copy_of(bytes);
}

// All that waits, as it would be written.
std::string waiting(const Outbound& queue) {
  std::vector<iovec> slices(1000);
  std::string bytes;
  const std::size_t count = queue.gather(slices);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(slices[i].iov_base), slices[i].iov_len);
  }
  return bytes;
}

// Writes everything, a little at a time, as a socket with little room takes it.
std::string written(Outbound& queue, std::size_t step) {
  std::string bytes;
  while (!queue.empty()) {
    std::array<iovec, 2> slices;
    const std::size_t count = queue.gather(slices);
    std::string next;
    for (std::size_t i = 0; i < count; ++i) {
      next.append(static_cast<const char*>(slices[i].iov_base), slices[i].iov_len);
    }
    next.resize(std::min(next.size(), step));
    queue.sent(next.size());
    bytes += next;
  }
  return bytes;
}

TEST(OutboundTest, WritesEventsAndRepliesInTheOrderTheyCame) {
  const std::string first = frame('a', 10);
  const std::string second = frame('b', 300);
  const std::string third = frame('c', 70'000);
  for (const std::size_t step : {1UL, 7UL, 1000UL, 1'000'000UL}) {
    Outbound queue;
    queue.append_events(run_of({first}));
    queue.replies() += second;
    queue.append_events(run_of({third, first}));
    queue.replies() += first;
    EXPECT_EQ(queue.bytes(), 3 * first.size() + second.size() + third.size());
    EXPECT_EQ(queue.reply_bytes(), second.size() + first.size());
    EXPECT_EQ(written(queue, step), first + second + third + first + first) << step;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.bytes(), 0U);
    EXPECT_EQ(queue.reply_bytes(), 0U);
  }
}

TEST(OutboundTest, HandsOutNoMoreSlicesThanThereIsRoomFor) {
  Outbound queue;
  std::string all;
  for (char letter = 'a'; letter < 'f'; ++letter) {
    queue.append_events(run_of({frame(letter, 5)}));
    all += frame(letter, 5);
  }
  queue.replies() += frame('z', 5);
  std::array<iovec, 3> slices;
  EXPECT_EQ(queue.gather(slices), 3U);
  EXPECT_EQ(waiting(queue), all + frame('z', 5));
}

TEST(OutboundTest, GoesOnBehindWhatOfARunIsWrittenAlready) {
  const std::string run = frame('a', 10) + frame('b', 20);
  for (std::size_t begin = 0; begin < run.size(); ++begin) {
    Outbound queue;
    queue.append_events(Chunk::copy_of(run), begin);
    EXPECT_EQ(queue.bytes(), run.size() - begin);
    EXPECT_EQ(waiting(queue), run.substr(begin));
  }
}

TEST(OutboundTest, IsEmptyAgainAfterARunThatWasWrittenWhole) {
  Outbound queue;
  const std::string run = frame('a', 10);
  queue.append_events(Chunk::copy_of(run), run.size());
  EXPECT_TRUE(queue.empty());
}

// Every position in events and in replies at which the socket may have stopped.
TEST(OutboundTest, LetsAControlFrameOvertakeAtTheNextEndOfAFrame) {
  const std::vector<std::string> frames{frame('a', 3), frame('b', 130), frame('c', 0), frame('d', 66'000),
                                        frame('e', 1)};
  std::string all;
  std::vector<std::size_t> ends{0};
  for (const std::string& each : frames) {
    all += each;
    ends.push_back(all.size());
  }
  const std::string control = ping("now");
  for (std::size_t sent = 0; sent <= all.size(); sent += sent < 300 || sent + 300 > all.size() ? 1U : 997U) {
    const std::size_t end = *std::ranges::lower_bound(ends, sent);
    const std::string expected = all.substr(sent, end - sent) + control + all.substr(end);
    Outbound events;
    events.append_events(run_of(frames));
    events.sent(sent);
    events.put_control(control, Control::kPing);
    ASSERT_EQ(waiting(events), expected) << "events, " << sent << " bytes sent";
    ASSERT_EQ(events.bytes(), expected.size());
    ASSERT_EQ(events.reply_bytes(), control.size());
    Outbound replies;
    replies.replies() += all;
    replies.sent(sent);
    replies.put_control(control, Control::kPing);
    ASSERT_EQ(waiting(replies), expected) << "replies, " << sent << " bytes sent";
    ASSERT_EQ(replies.reply_bytes(), expected.size());
  }
}

TEST(OutboundTest, KeepsControlFramesInTheOrderTheyCame) {
  Outbound queue;
  queue.append_events(run_of({frame('a', 10), frame('b', 10)}));
  queue.sent(5);
  queue.put_control(pong("1"), Control::kPong);
  queue.put_control(ping("2"), Control::kPing);
  queue.put_control(frame('c', 2, '\x88'), Control::kClose);
  EXPECT_EQ(waiting(queue),
            frame('a', 10).substr(5) + pong("1") + ping("2") + frame('c', 2, '\x88') + frame('b', 10));
}

TEST(OutboundTest, HoldsOnePongAndOnePingAtMost) {
  Outbound queue;
  queue.append_events(run_of({frame('a', 10)}));
  EXPECT_FALSE(queue.put_control(pong("1"), Control::kPong));
  EXPECT_FALSE(queue.put_control(ping("mine"), Control::kPing));
  EXPECT_TRUE(queue.put_control(pong("a longer one"), Control::kPong));
  EXPECT_TRUE(queue.put_control(ping(""), Control::kPing));
  EXPECT_EQ(waiting(queue), pong("a longer one") + ping("") + frame('a', 10));
  EXPECT_EQ(queue.bytes(), waiting(queue).size());
}

TEST(OutboundTest, FinishesAPongThatHasBegun) {
  Outbound queue;
  queue.put_control(pong("first"), Control::kPong);
  queue.sent(3);
  EXPECT_FALSE(queue.put_control(pong("second"), Control::kPong));
  EXPECT_EQ(waiting(queue), pong("first").substr(3) + pong("second"));
}

TEST(OutboundTest, LetsNothingOvertakeAnHttpResponse) {
  const std::string upgrade = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
  for (const std::size_t sent : {0UL, 5UL, upgrade.size(), upgrade.size() + 5}) {
    Outbound queue;
    queue.append_http(upgrade);
    queue.append_http(upgrade);
    queue.replies() += frame('a', 4);
    queue.sent(sent);
    queue.put_control(pong("p"), Control::kPong);
    EXPECT_EQ(waiting(queue), (upgrade + upgrade).substr(sent) + pong("p") + frame('a', 4)) << sent;
    EXPECT_EQ(queue.drop_unbegun(), 0U);
    EXPECT_EQ(waiting(queue), (upgrade + upgrade).substr(sent) + pong("p")) << sent;
    EXPECT_EQ(queue.reply_bytes(), queue.bytes());
  }
}

TEST(OutboundTest, DropsAllButTheFrameThatHasBegun) {
  const std::vector<std::string> frames{frame('a', 3), frame('b', 130), frame('c', 0), frame('d', 5)};
  std::string all;
  for (const std::string& each : frames) all += each;
  for (std::size_t sent = 0; sent <= all.size(); ++sent) {
    std::size_t end = 0;
    std::uint64_t unbegun = 0;
    for (const std::string& each : frames) {
      if (end >= sent) {
        ++unbegun;
      } else {
        end += each.size();
      }
    }
    const std::size_t kept_end = std::max(end, sent);
    Outbound queue;
    queue.append_events(run_of(frames));
    queue.append_events(run_of({frame('e', 1)}));
    queue.replies() += frame('r', 7);
    queue.sent(sent);
    queue.put_control(pong("p"), Control::kPong);
    ASSERT_EQ(queue.drop_unbegun(), unbegun + 1) << sent;
    ASSERT_EQ(waiting(queue), all.substr(sent, kept_end - sent) + pong("p")) << sent;
    ASSERT_EQ(queue.bytes(), waiting(queue).size());
    ASSERT_EQ(queue.reply_bytes(), pong("p").size());
  }
}

TEST(OutboundTest, KeepsAReplyThatHasBegunWhenItDropsTheRest) {
  Outbound queue;
  queue.replies() += frame('a', 10) + frame('b', 10);
  queue.append_events(run_of({frame('c', 1), frame('d', 1)}));
  queue.sent(4);
  EXPECT_EQ(queue.drop_unbegun(), 2U);
  EXPECT_EQ(waiting(queue), frame('a', 10).substr(4));
}

TEST(OutboundTest, MayBeUsedAgainAfterShrinking) {
  Outbound queue;
  queue.append_events(run_of({frame('a', 100'000)}));
  queue.replies() += frame('b', 100'000);
  written(queue, 1'000'000);
  queue.shrink();
  EXPECT_TRUE(queue.empty());
  queue.replies() += frame('c', 3);
  EXPECT_EQ(waiting(queue), frame('c', 3));
}

// --- against a naive model -----------------------------------------------

// The queue as three lists of whole frames.
class Model {
 public:
  void append_event(const std::string& bytes) { rest_.push_back({bytes, true}); }
  void append_reply(const std::string& bytes) { rest_.push_back({bytes, false}); }

  bool put_control(const std::string& bytes, Control control) {
    bool replaced = false;
    if (control != Control::kClose) {
      replaced = std::erase_if(controls_, [&](const auto& waits) { return waits.second == control; }) > 0;
    }
    controls_.emplace_back(bytes, control);
    return replaced;
  }

  void sent(std::size_t bytes) {
    for (; bytes > 0; --bytes) {
      if (begun_.empty()) begin_next();
      begun_.erase(0, 1);
    }
  }

  std::uint64_t drop_unbegun() {
    const auto events = std::ranges::count_if(rest_, &Frame::is_event);
    rest_.clear();
    return static_cast<std::uint64_t>(events);
  }

  [[nodiscard]] std::string waiting() const {
    std::string bytes = begun_;
    for (const auto& [frame, control] : controls_) bytes += frame;
    for (const Frame& frame : rest_) bytes += frame.bytes;
    return bytes;
  }

  [[nodiscard]] std::size_t reply_bytes() const {
    std::size_t bytes = begun_is_event_ ? 0 : begun_.size();
    for (const auto& [frame, control] : controls_) bytes += frame.size();
    for (const Frame& frame : rest_) bytes += frame.is_event ? 0 : frame.bytes.size();
    return bytes;
  }

 private:
  struct Frame {
    std::string bytes;
    bool is_event;
  };

  void begin_next() {
    if (!controls_.empty()) {
      begun_ = controls_.front().first;
      begun_is_event_ = false;
      controls_.pop_front();
    } else {
      begun_ = rest_.front().bytes;
      begun_is_event_ = rest_.front().is_event;
      rest_.pop_front();
    }
  }

  std::string begun_;
  bool begun_is_event_ = false;
  std::deque<std::pair<std::string, Control>> controls_;
  std::deque<Frame> rest_;
};

// A queue and its model, led along the same random steps.
class RandomWalk {
 public:
  explicit RandomWalk(std::uint32_t seed) : random_(seed) {}

  void step() {
    switch (below(8)) {
      case 0:
      case 1:
        return add_events();
      case 2:
        return add_reply();
      case 3:
        return add_control(Control::kPong);
      case 4:
        return add_control(below(4) == 0 ? Control::kClose : Control::kPing);
      case 5:
        if (below(10) == 0) {
          EXPECT_EQ(queue_.drop_unbegun(), model_.drop_unbegun());
        }

        return;
      default:
        return send();
    }
  }

  void compare() const {
    const std::string expected = model_.waiting();
    ASSERT_EQ(waiting(queue_), expected);
    ASSERT_EQ(queue_.bytes(), expected.size());
    ASSERT_EQ(queue_.reply_bytes(), model_.reply_bytes());
    ASSERT_EQ(queue_.empty(), expected.empty());
  }

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  std::string some_frame() {
    return frame(static_cast<char>('a' + below(26)), below(6) == 0 ? 120 + below(20) : below(12));
  }

  void add_events() {
    std::vector<std::string> frames(1 + below(4));
    for (std::string& each : frames) {
      each = some_frame();
      model_.append_event(each);
    }
    queue_.append_events(run_of(frames));
  }

  void add_reply() {
    const std::string reply = some_frame();
    model_.append_reply(reply);
    queue_.replies() += reply;
  }

  void add_control(Control control) {
    const std::string bytes = frame(static_cast<char>('A' + below(26)), below(5), '\x89');
    EXPECT_EQ(queue_.put_control(bytes, control), model_.put_control(bytes, control));
  }

  void send() {
    if (queue_.empty()) return;
    const std::size_t bytes = 1 + below(std::min<std::size_t>(queue_.bytes(), 60));
    queue_.sent(bytes);
    model_.sent(bytes);
  }

  std::mt19937 random_;
  Outbound queue_;
  Model model_;
};

TEST(OutboundTest, AgreesWithANaiveModelOnRandomWalks) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    RandomWalk walk(seed);
    for (int step = 0; step < 200; ++step) {
      walk.step();
      walk.compare();
      if (HasFailure()) return;
    }
  }
}

TEST(OutboundStreamTest, CountsTheEventsThatWereNotWrittenWhole) {
  const std::string event = "data: 1\n\n";
  Outbound queue;
  queue.append_http("HTTP/1.1 200 OK\r\n\r\n");
  queue.replies() += ":\n\n";
  queue.append_events(run_of({event, event}));
  queue.append_events(run_of({event}));
  queue.sent(waiting(queue).size() - 2 * event.size() - 1);
  // Of the first the last byte is left.
  EXPECT_EQ(queue.drop_stream(), 3U);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(queue.drop_stream(), 0U);
}

TEST(OutboundStreamTest, DropsNothingThatWasWritten) {
  const std::string event = "data: 1\n\n";
  Outbound queue;
  queue.append_events(run_of({event, event}));
  queue.sent(event.size());
  EXPECT_EQ(queue.drop_stream(), 1U);
}

}  // namespace
}  // namespace wskit::server
