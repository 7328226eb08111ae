#include "wsserve/connection/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "wsserve/frame/event_frame.h"
#include "wsserve/http/event_stream.h"

namespace wskit::server {
namespace {

using protocol::CloseCode;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr protocol::SystemMicros kNow{std::chrono::seconds{1'000'000}};

// What a browser makes of a stream: the rules of WHATWG HTML, section 9.2.6, for
// line feeds alone.
struct Message {
  std::string name = "message";
  std::string data;
  std::string last_id;
  bool operator==(const Message&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Message& message) {
  return out << message.name << " [" << message.data << "] " << message.last_id;
}

std::vector<Message> read(std::string_view text) {
  std::vector<Message> messages;
  Message next;
  bool has_data = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty()) {
      if (has_data) {
        next.data.pop_back();
        messages.push_back(next);
      }
      next = {.data = {}, .last_id = next.last_id};
      has_data = false;
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    line.remove_prefix(std::min(colon + 1, line.size()));
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (field == "data") {
      has_data = true;
      next.data += line;
      next.data += '\n';
    } else if (field == "event") {
      next.name = line;
    } else if (field == "id") {
      next.last_id = line;
    }
  }
  return messages;
}

ChunkPtr frame_of(std::string_view channel, std::uint64_t offset, std::string_view data = "1") {
  protocol::EventView event;
  event.type = "trade";
  event.channel = channel;
  event.offset = offset;
  event.timestamp = "2026-11-20T10:00:00.123456Z";
  event.data = data;
  return build_event_frame(event);
}

class EventStreamTest : public testing::Test {
 protected:
  void deliver(std::string_view channel, std::uint64_t offset, std::string_view data = "1",
               bool tell_position = true) {
    stream_.append_event(out_, *frame_of(channel, offset, data), kNow, tell_position,
                         [](std::string_view) { return "e"; });
  }

  EventStream stream_{StreamCursor(kNow, true), false, std::chrono::milliseconds{1500}};
  std::string out_;
};

TEST_F(EventStreamTest, AnEventIsAMessageWithItsTextAndItsPosition) {
  deliver("a", 7);
  EXPECT_EQ(read(out_), (std::vector<Message>{{"message", std::string(frame_of("a", 7)->text()), "e:7"}}));
}

TEST_F(EventStreamTest, ANamedOneHasItsType) {
  EventStream named(StreamCursor(kNow, true), true, std::chrono::milliseconds{1500});
  named.append_event(out_, *frame_of("a", 7), kNow, true, [](std::string_view) { return "e"; });
  EXPECT_EQ(read(out_).front().name, "trade");
}

// F1: nor does a line of the data pass for an event with those who read line by line.
TEST_F(EventStreamTest, LineEndsInsideTheDataAreBlanks) {
  deliver("a", 1, "[1,\n 2,\r\n\r3]");
  EXPECT_THAT(read(out_).front().data, HasSubstr("[1,  2,   3]"));
  EXPECT_THAT(out_, Not(HasSubstr("\r")));
}

TEST_F(EventStreamTest, WithoutAPositionTheLastIdStays) {
  deliver("a", 1);
  deliver("a", 2, "2", false);
  EXPECT_EQ(read(out_).back().last_id, "e:1");
  EXPECT_TRUE(stream_.is_ahead_of_id());
  stream_.append_position(out_, kNow, {});
  EXPECT_FALSE(stream_.is_ahead_of_id());
  deliver("a", 3, "3", false);
  EXPECT_EQ(read(out_).back().last_id, "e:2");
}

TEST_F(EventStreamTest, ALongIdComesNowAndThen) {
  EventStream stream(StreamCursor(kNow, false), false, std::chrono::milliseconds{1500});
  for (int i = 0; i < 50; ++i) stream.cursor().begin("market/" + std::to_string(i), "e", 1);
  const auto deliver_one = [&](std::uint64_t offset) {
    stream.append_event(out_, *frame_of("market/7", offset), kNow, true,
                        [](std::string_view) { return "e"; });
  };
  deliver_one(2);
  EXPECT_THAT(read(out_).back().last_id, IsEmpty());
  EXPECT_FALSE(stream.is_position_due(0));
  for (std::uint64_t offset = 3; !stream.is_position_due(0); ++offset) deliver_one(offset);
  EXPECT_LE(out_.size(), 2 * stream.cursor().bytes());
  EXPECT_FALSE(stream.is_position_due(1 << 20));
}

TEST_F(EventStreamTest, ControlMessagesHaveNamesThatNoEventHas) {
  const std::string control = R"({"type":"subscribed","timestamp":"x","data":{}})";
  EventStream::append_control(out_, control);
  EXPECT_EQ(read(out_), (std::vector<Message>{{"@subscribed", control, ""}}));
}

TEST_F(EventStreamTest, SaysWhenToComeBackAndWhy) {
  stream_.set_retry(std::chrono::milliseconds{321});
  stream_.append_farewell(out_, CloseCode::kGoingAway, "reconnect after 321 ms", "now");
  EXPECT_THAT(out_, HasSubstr("retry: 321\n"));
  EXPECT_EQ(read(out_).front().name, "@close");
  EXPECT_THAT(read(out_).front().data,
              HasSubstr(R"("data":{"code":1001,"reason":"reconnect after 321 ms"})"));
}

TEST_F(EventStreamTest, ASlowReaderIsToldNothingMore) {
  stream_.append_farewell(out_, CloseCode::kSlowConsumer, "slow", "now");
  EXPECT_THAT(out_, IsEmpty());
}

TEST(EventStreamTextTest, ACommentIsNoMessage) {
  std::string out;
  http::append_comment(out);
  http::append_retry(out, std::chrono::milliseconds{5});
  http::append_id(out, "e:1");
  EXPECT_THAT(read(out), IsEmpty());
}

TEST(EventStreamTextTest, AnEventsChannelIsReadFromItsFrame) {
  EXPECT_EQ(channel_of(*frame_of("news/día", 12)), "news/día");
  EXPECT_EQ(channel_of(*frame_of("x", 1, std::string(70'000, '1'))), "x");
}

}  // namespace
}  // namespace wskit::server
