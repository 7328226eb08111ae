#include "wsserve/connection/writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection_fixture.h"

namespace wskit::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Notes what a writer asks of the connection.
class RecordingOwner final : public Writer::Owner {
 public:
  int flushes_asked = 0;
  int watches = 0;
  std::vector<bool> flushes;  // whether each one has sent something
  bool owes = false;
  std::vector<std::string> losses;

  void flush_later() override { ++flushes_asked; }
  void watch() override { ++watches; }
  void flushed(bool sent) override { flushes.push_back(sent); }
  [[nodiscard]] bool owes_answers() const override { return owes; }
  void lost(std::string_view why) noexcept override { losses.emplace_back(why); }
};

class WriterTest : public ConnectionFixture {
 protected:
  static constexpr std::size_t kLimit = 20'000;

  WriterTest() {
    set([](Settings& settings) { settings.queue_limit_bytes = kLimit; });
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kSmallBuffer, sizeof(kSmallBuffer));
    writer_ = std::make_unique<Writer>(host(), owner_, OwnedFd(ends[0]));
    reader_.emplace(ends[1]);
  }

  void reply(std::string_view text) {
    writer().queue([&](Outbound& queue) { queue.replies() += text; });
  }
  [[nodiscard]] Writer::Outcome write(std::string_view text) { return writer().write(Chunk::copy_of(text)); }
  // Writes events of 1000 bytes until the socket is full; how many those were.
  std::size_t fill() {
    std::size_t events = 0;
    while (!writer().is_blocked()) {
      EXPECT_EQ(write(std::string(1'000, 'e')), Writer::Outcome::kTaken);
      ++events;
    }
    return events;
  }

  // What has come since the last call.
  std::string read() {
    std::string text;
    std::array<char, 65'536> buffer;
    for (;;) {
      const ssize_t count = ::recv(reader_->get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      over_ = over_ || count == 0;
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  // The same with a flush behind each part that was read.
  std::string read_all() {
    std::string all;
    for (std::string more = read(); !more.empty(); more = read()) {
      all += more;
      writer().flush();
    }
    return all;
  }
  // Whether it was said that nothing follows.
  bool is_over() {
    EXPECT_EQ(read(), "");
    return over_;
  }
  void leave() { reader_.reset(); }

  Writer& writer() { return *writer_; }
  RecordingOwner& owner() { return owner_; }
  [[nodiscard]] std::uint64_t queued() { return counters().queued_bytes.get(); }

 private:
  RecordingOwner owner_;
  std::unique_ptr<Writer> writer_;
  std::optional<OwnedFd> reader_;
  bool over_ = false;
};

TEST_F(WriterTest, AnswersAreWrittenTogetherByTheFlushThatIsAskedForOnce) {
  reply("one ");
  reply("two");
  EXPECT_EQ(read(), "");
  EXPECT_EQ(owner().flushes_asked, 1);
  EXPECT_EQ(queued(), 7U);
  writer().flush();
  EXPECT_EQ(read(), "one two");
  EXPECT_THAT(owner().flushes, ElementsAre(true));
  EXPECT_TRUE(writer().is_idle());
  EXPECT_EQ(queued(), 0U);
  EXPECT_EQ(writer().bytes_out(), 7U);
  reply("three");
  EXPECT_EQ(owner().flushes_asked, 2);
}

TEST_F(WriterTest, AnEventIsWrittenAtOnceAndBehindTheAnswersThatWait) {
  EXPECT_EQ(write("first "), Writer::Outcome::kTaken);
  EXPECT_EQ(read(), "first ");
  EXPECT_EQ(owner().flushes_asked, 0);
  reply("a reply ");
  EXPECT_EQ(write("second"), Writer::Outcome::kTaken);
  EXPECT_EQ(read(), "a reply second");
}

TEST_F(WriterTest, WhatTheSocketDoesNotTakeWaitsUpToTheLimitAndComesWholeLater) {
  std::size_t events = fill();
  EXPECT_EQ(owner().watches, 1);
  EXPECT_FALSE(writer().is_idle());
  while (write(std::string(1'000, 'e')) == Writer::Outcome::kTaken) ++events;
  EXPECT_LE(queued(), kLimit);
  EXPECT_GT(queued(), kLimit - 1'000);
  EXPECT_EQ(writer().queued_bytes(), queued());
  EXPECT_EQ(read_all(), std::string(events * 1'000, 'e'));
  EXPECT_FALSE(writer().is_blocked());
  EXPECT_EQ(queued(), 0U);
  EXPECT_EQ(writer().bytes_out(), events * 1'000);
}

TEST_F(WriterTest, AnEmptyQueueTakesARunOfAnySize) {
  const std::string run(10 * kLimit, 'e');
  EXPECT_EQ(write(run), Writer::Outcome::kTaken);
  EXPECT_EQ(read_all(), run);
}

TEST_F(WriterTest, APeerThatDoesNotTakeItsAnswersIsPausedUntilHalfOfTheLimitIsTaken) {
  fill();
  const int asked = owner().flushes_asked;
  while (!writer().is_paused()) reply(std::string(1'000, 'a'));
  EXPECT_EQ(owner().flushes_asked, asked) << "the socket's room says when to write";
  EXPECT_FALSE(writer().takes_answers());
  while (writer().is_paused()) {
    EXPECT_GT(queued(), kLimit / 2 - 1'000);
    ASSERT_NE(read(), "");
    writer().flush();
  }
  EXPECT_LE(queued(), kLimit / 2);
  EXPECT_TRUE(writer().takes_answers());
}

TEST_F(WriterTest, APeerThatHasLeftIsToldToTheOwner) {
  leave();
  EXPECT_EQ(write("event"), Writer::Outcome::kLost);
  reply("reply");
  writer().flush();
  EXPECT_THAT(owner().losses, ElementsAre("", ""));
  EXPECT_THAT(owner().flushes, IsEmpty());
}

TEST_F(WriterTest, ThePeerIsToldThatNothingFollowsOnceEverythingIsWrittenAndNothingIsOwed) {
  fill();
  writer().finish_when_written();
  writer().flush();
  EXPECT_THAT(owner().flushes, ElementsAre(false));
  owner().owes = true;
  read_all();
  EXPECT_FALSE(is_over());
  reply("the last");
  owner().owes = false;
  writer().flush();
  EXPECT_EQ(read(), "the last");
  EXPECT_TRUE(is_over());
}

TEST_F(WriterTest, DroppedEventsAreCountedAndTheOneThatHasBegunIsWritten) {
  const std::string event =
      websocket::server_frame(websocket::first_byte(websocket::Opcode::kText), std::string(1'000, 'e'));
  std::size_t taken = 0;
  while (write(event) == Writer::Outcome::kTaken) ++taken;
  const std::uint64_t dropped = writer().drop_unbegun();
  EXPECT_GT(dropped, 15U);
  EXPECT_EQ(writer().queued_bytes(), queued());
  EXPECT_EQ(read_all().size(), (taken - dropped) * event.size());
}

TEST_F(WriterTest, HalfAnAnswerIsTakenBack) {
  reply("whole");
  writer().outbound().replies() += "half";
  writer().take_back_unfinished();
  writer().flush();
  EXPECT_EQ(read(), "whole");
  EXPECT_EQ(queued(), 0U);
}

TEST_F(WriterTest, WhatIsAbandonedIsNotCountedAnyMore) {
  fill();
  reply("never");
  EXPECT_GT(queued(), 0U);
  writer().abandon();
  EXPECT_EQ(queued(), 0U);
  EXPECT_FALSE(writer().has_queue());
}

}  // namespace
}  // namespace wskit::server
