#include "wstap/tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "fake_server.h"
#include "pipe_pair.h"
#include "support/scratch_folder.h"

namespace wskit::tap {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::FakePeer;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::Not;

// A fake server that answers subscriptions by the test's word, and a run of
// wstap against it in the same loop.
class TapTest : public ::testing::Test {
 protected:
  TapTest() {
    options_.connect.url = server_.url().display();
    options_.connect.backoff = {milliseconds{1}, milliseconds{5}};
    options_.format = Format::kJson;
    options_.channels = {"a"};
    server_.on_open = [this](FakePeer& peer) { peer.send(connected_); };
    server_.on_message = [this](FakePeer& peer, const std::string& text) {
      const json command = json::parse(text);
      commands_.push_back(command);
      if (command["action"] == "subscribe") on_subscribe(peer, command);
      if (command["action"] == "history") on_history(peer, command);
    };
    // A promise broken would otherwise be a test that never ends.
    options_.timeout = std::chrono::seconds{60};
  }

  cli::Outcome run() {
    cli::Notices notices("wstap", notices_.writer());
    notices.configure(notice_options_);
    std::signal(SIGPIPE, SIG_IGN);
    return tap::run(options_, notices, io_, records_.writer());
  }

  static std::string subscribed(const std::string& entries, const std::string& id = "1") {
    return R"({"type":"subscribed","id":)" + id +
           R"(,"timestamp":"2026-11-20T10:00:00.000000Z","data":{"channels":[)" + entries +
           R"(],"events":[]}})";
  }
  static std::string entry(std::uint64_t offset, const std::string& epoch = "e",
                           const std::string& more = "") {
    return R"({"channel":"a","offset":)" + std::to_string(offset) + R"(,"epoch":")" + epoch +
           R"(","recovered":false,"replayed":0)" + more + "}";
  }
  static std::string event(std::uint64_t offset, const std::string& type = "trade",
                           const std::string& channel = "a") {
    return R"({"type":")" + type + R"(","channel":")" + channel + R"(","offset":)" + std::to_string(offset) +
           R"(,"timestamp":"2026-11-20T10:00:00.000000Z","data":{"n":)" + std::to_string(offset) + "}}";
  }
  static std::string error(const std::string& code, const std::string& id = R"("id":1,)") {
    return R"({"type":"error",)" + id + R"("timestamp":"","data":{"code":")" + code +
           R"(","message":"because"}})";
  }

  // The offsets of what was printed, in order.
  std::vector<std::uint64_t> printed() {
    std::vector<std::uint64_t> offsets;
    std::istringstream lines(records_.read_now());
    for (std::string line; std::getline(lines, line);) offsets.push_back(json::parse(line)["offset"]);
    return offsets;
  }
  std::string notices() { return notices_.read_now(); }

  boost::asio::io_context io_;
  FakeServer server_{io_};
  TapOptions options_;
  cli::NoticeOptions notice_options_;
  std::string connected_ =
      R"({"type":"connected","timestamp":"","data":{"connection":"c","heartbeat":30,"channels":[]}})";
  std::vector<json> commands_;
  std::function<void(FakePeer&, const json&)> on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    for (std::uint64_t offset = 1; offset <= 5; ++offset) peer.send(event(offset));
  };
  std::function<void(FakePeer&, const json&)> on_history = [](FakePeer&, const json&) {};
  testing::Pipe records_;
  testing::Pipe notices_;
};

// --- what ends a run ---------------------------------------------------------

TEST_F(TapTest, EndsAfterTheRecordsAskedFor) {
  options_.count = 3;
  notice_options_.verbose = 1;
  const cli::Outcome outcome = run();
  EXPECT_EQ(outcome.code, cli::ExitCode::kOk);
  EXPECT_THAT(printed(), ElementsAre(1, 2, 3));
  const std::string said = notices();
  EXPECT_THAT(said, HasSubstr("wstap: connected to ws://127.0.0.1:"));
  EXPECT_THAT(said, HasSubstr("(1 channel)\n"));
  EXPECT_THAT(said, ::testing::ContainsRegex("wstap: 3 events of 1 channel in [0-9.]+ s\n"));
  EXPECT_EQ(server_.last().close_code(), protocol::CloseCode::kNormal);
}

// U18, U12: where nobody watches, a run in which all went well says no more than what it was.
TEST_F(TapTest, OnlySumsUpInAPipeWhereAllWentWell) {
  options_.until_events = {"trade"};
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(), ::testing::MatchesRegex("wstap: 1 event of 1 channel in [0-9.]+ s\n"));
}

// U22: a pattern was told of as one channel.
TEST_F(TapTest, SaysOfAPatternThatItIsOne) {
  options_.channels = {"**"};
  options_.count = 1;
  notice_options_.verbose = 1;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(R"({"channel":"**","offset":null,"epoch":null,"recovered":false,"replayed":0})"));
    peer.send(event(1));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(), HasSubstr(" (1 pattern)\n"));
}

// U11: types that were not asked for are counted, also where the server leaves them out.
TEST_F(TapTest, TellsHowManyEventsItsTypesLeftOut) {
  options_.event_types = {"trde"};
  options_.timeout = milliseconds{300};
  on_subscribe = [](FakePeer& peer, const json& command) {
    const bool looks = command["id"] == 5;
    peer.send(subscribed(entry(looks ? 4 : 2), command["id"].dump()));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kTimedOut);
  EXPECT_THAT(notices(), HasSubstr("wstap: 0 events (2 others by -e) in 0."));
}

// U11
TEST_F(TapTest, ForeignWildcardsGetTheRightSpelling) {
  options_.channels = {"a/>", "list"};
  options_.timeout = milliseconds{1};
  run();
  const std::string said = notices();
  EXPECT_THAT(said, HasSubstr("wstap: a/> is the name of one channel here; the pattern is a/**\n"));
  EXPECT_THAT(said, HasSubstr("wstap: list is taken for the name of a channel; "));
}

// U11: after a while of nothing, a name that nobody ever published to is told with one that is near.
TEST_F(TapTest, ANameThatNobodyPublishedToIsTold) {
  options_.channels = {"market/APPL"};
  on_subscribe = [](FakePeer& peer, const json& command) {
    const std::string asked = command["channels"][0];
    if (asked == "market/*") {
      peer.send(
          subscribed(R"({"channel":"market/*","offset":null,"epoch":null,"recovered":false,"replayed":0,)"
                     R"("matched":[{"channel":"market/AAPL","offset":7,"epoch":"e"},)"
                     R"({"channel":"market/APPL","offset":0,"epoch":"e"}]})",
                     "6"));
    } else if (asked == "*/APPL") {
      peer.send(error("FORBIDDEN", R"("id":6,)"));
    } else {
      peer.send(
          subscribed(R"({"channel":"market/APPL","offset":0,"epoch":"e","recovered":false,"replayed":0})",
                     command["id"].dump()));
    }
  };
  std::string said;
  std::function<void()> poll = [&] {
    said += notices();
    if (said.find("market/AAPL") != std::string::npos) {
      raise(SIGTERM);
    } else {
      boost::asio::post(io_, poll);
    }
  };
  boost::asio::post(io_, poll);
  EXPECT_EQ(run().signal, SIGTERM);
  EXPECT_THAT(said, HasSubstr("wstap: nothing was ever published to market/APPL; there is market/AAPL\n"));
}

TEST_F(TapTest, EndsAfterTheTypeAskedFor) {
  options_.until_events = {"session_completed"};
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    peer.send(event(2, "session_completed"));
    peer.send(event(3));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(printed(), ElementsAre(1, 2));
}

TEST_F(TapTest, ATypeThatOnlyEndsTheRunIsNotPrinted) {
  options_.event_types = {"trade"};
  options_.until_events = {"session_completed"};
  on_subscribe = [](FakePeer& peer, const json& command) {
    EXPECT_EQ(command["events"], json::parse(R"(["trade","session_completed"])"));
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    peer.send(event(7, "session_completed"));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(printed(), ElementsAre(1));
}

TEST_F(TapTest, EndsWhenItsTimeIsUp) {
  options_.timeout = milliseconds{50};
  EXPECT_EQ(run().code, cli::ExitCode::kTimedOut);
  EXPECT_THAT(notices(), HasSubstr("timed out after 50ms"));
}

TEST_F(TapTest, EndsWhenNothingComesAnyMore) {
  options_.idle = milliseconds{200};
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_EQ(printed().size(), 5U);
}

TEST_F(TapTest, NothingAtAllIsATimeOut) {
  options_.idle = milliseconds{50};
  on_subscribe = [](FakePeer& peer, const json&) { peer.send(subscribed(entry(0))); };
  EXPECT_EQ(run().code, cli::ExitCode::kTimedOut);
}

TEST_F(TapTest, EndsAtOnceWhenItsReaderLeavesThoughNoEventComes) {
  on_subscribe = [this](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    records_.close_reader();
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
}

TEST_F(TapTest, SaysWhyItCannotWrite) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  cli::Notices to("wstap", notices_.writer());
  EXPECT_EQ(tap::run(options_, to, io_, full).code, cli::ExitCode::kLocalIo);
  EXPECT_THAT(notices(), HasSubstr("cannot write the events: No space left on device"));
  close(full);
}

TEST_F(TapTest, PassesASignalOnAfterAnOrderlyClose) {
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    raise(SIGTERM);
  };
  const cli::Outcome outcome = run();
  EXPECT_EQ(outcome.signal, SIGTERM);
  EXPECT_EQ(server_.last().close_code(), protocol::CloseCode::kNormal);
}

TEST_F(TapTest, AnswersWithStatisticsWhenAsked) {
  options_.count = 2;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    raise(SIGUSR1);
  };
  // The second event follows once the answer has been given.
  std::string said;
  std::function<void()> poll = [&] {
    said += notices();
    if (said.find("1 event of 1 channel in ") != std::string::npos) return server_.last().send(event(2));
    boost::asio::post(io_, poll);
  };
  boost::asio::post(io_, poll);
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
}

// --- refusals ----------------------------------------------------------------

TEST_F(TapTest, ARefusedSubscriptionEndsTheRun) {
  on_subscribe = [](FakePeer& peer, const json&) { peer.send(error("FORBIDDEN")); };
  EXPECT_EQ(run().code, cli::ExitCode::kRefused);
  EXPECT_EQ(notices(), "wstap: the server refuses the subscription: FORBIDDEN: because\n");
}

TEST_F(TapTest, ABadChannelIsAMatterOfUsageBeforeAnythingIsConnected) {
  options_.channels = {"a//b"};
  EXPECT_THROW(static_cast<void>(run()), cli::UsageError);
  EXPECT_TRUE(server_.peers().empty());
}

TEST_F(TapTest, NoChannelsAndNoDefaultOnesIsAMatterOfUsage) {
  options_.channels.clear();
  EXPECT_EQ(run().code, cli::ExitCode::kUsage);
  EXPECT_THAT(notices(), HasSubstr("no channels"));
}

TEST_F(TapTest, AnotherKindOfServerIsNamed) {
  connected_ = R"({"hello":"world"})";
  EXPECT_EQ(run().code, cli::ExitCode::kRefused);
  EXPECT_THAT(notices(), HasSubstr("is no wskit server"));
}

TEST_F(TapTest, AServerThatIsNotThereIsUnreachable) {
  server_.stop_listening();
  EXPECT_EQ(run().code, cli::ExitCode::kUnreachable);
}

TEST_F(TapTest, AnErrorOnTheWayIsToldAndTheRunGoesOn) {
  options_.count = 1;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(error("RATE_LIMITED", ""));
    peer.send(event(1));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(), HasSubstr("wstap: the server says RATE_LIMITED: because\n"));
}

// --- the subscription --------------------------------------------------------

TEST_F(TapTest, ReplacesWhatTheConnectionBeganWith) {
  connected_ = R"({"type":"connected","timestamp":"","data":{"channels":["default","other"]}})";
  options_.count = 1;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(event(9, "trade", "default"));
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(printed(), ElementsAre(1)) << "an event before the answer is not of the subscription";
  ASSERT_EQ(commands_.size(), 2U);
  EXPECT_EQ(commands_[0], json::parse(R"({"action":"unsubscribe","id":2,"channels":["default","other"]})"));
  EXPECT_EQ(commands_[1], json::parse(R"({"action":"subscribe","id":1,"channels":["a"]})"));
}

TEST_F(TapTest, TakesTheServersDefaultChannelsWhereNoneIsNamed) {
  connected_ = R"({"type":"connected","timestamp":"","data":{"channels":["default"]}})";
  options_.channels.clear();
  options_.count = 1;
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_EQ(commands_.back()["channels"], json::parse(R"(["default"])"));
}

// --- holes -------------------------------------------------------------------

TEST_F(TapTest, AJumpOfTheOffsetIsToldAndCounted) {
  options_.count = 2;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    peer.send(event(5));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  const std::string said = notices();
  EXPECT_THAT(said, HasSubstr("wstap: gap in a: events 2 to 4 missing\n"));
  EXPECT_THAT(said, HasSubstr("1 gap (3 events missing)"));
}

TEST_F(TapTest, ResumesBehindTheLastEventAfterAReconnect) {
  options_.count = 4;
  on_subscribe = [this](FakePeer& peer, const json& command) {
    if (server_.peers().size() == 1) {
      peer.send(subscribed(entry(0)));
      peer.send(event(1));
      peer.send(event(2));
      return peer.close(protocol::CloseCode::kSlowConsumer);
    }
    EXPECT_EQ(command["since"], json::parse(R"({"positions":{"a":{"offset":2,"epoch":"e"}},)"
                                            R"("time":"2026-11-20T10:00:00.000000Z"})"));
    peer.send(subscribed(R"({"channel":"a","offset":3,"epoch":"e","recovered":true,"replayed":1})"));
    peer.send(event(3));
    peer.send(event(4));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(printed(), ElementsAre(1, 2, 3, 4));
  const std::string said = notices();
  EXPECT_THAT(said, HasSubstr("4008 slow consumer; trying again in 0.0 s"));
  EXPECT_THAT(said, HasSubstr(" again (1 event replayed)\n"));
  EXPECT_THAT(said, HasSubstr(" s, 1 reconnect\n"));
}

TEST_F(TapTest, WhatAReconnectCannotGiveBackIsNamed) {
  options_.count = 2;
  on_subscribe = [this](FakePeer& peer, const json&) {
    if (server_.peers().size() == 1) {
      peer.send(subscribed(entry(0)));
      peer.send(event(1));
      return peer.close(protocol::CloseCode::kGoingAway, "reconnect after 1 ms");
    }
    peer.send(subscribed(entry(9, "e", R"(,"oldest":10)")));
    peer.send(event(10));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(),
              HasSubstr("wstap: gap in a: events 2 to 9 missing; the oldest that is held is 10\n"));
}

TEST_F(TapTest, WhatIsNoChannelAndNoPlaceInOneReachesNeitherTheCursorNorTheServer) {
  const test::ScratchFolder scratch;
  options_.cursor = scratch.path() / "cursor";
  options_.channels = {"*"};
  options_.count = 3;
  connected_ = R"({"type":"connected","timestamp":"","data":{"connection":"c","channels":["no channel"]}})";
  const std::string pattern =
      R"({"channel":"*","offset":null,"epoch":null,"recovered":false,"replayed":0,"matched":[)"
      R"({"channel":"no channel","offset":3,"epoch":"e"},{"channel":"b","offset":3,"epoch":"no epoch"},)"
      R"({"channel":"c","offset":3,"epoch":"e","oldest":0}]})";
  on_subscribe = [&](FakePeer& peer, const json& command) {
    peer.send(subscribed(pattern + R"(,{"channel":"a\u0007","offset":1,"epoch":"e"})"));
    if (server_.peers().size() == 1) return peer.send(event(42));
    EXPECT_EQ(command["since"]["positions"], json::parse(R"({"a":{"offset":42}})"));
    peer.send(event(43));
  };
  on_history = [this](FakePeer& peer, const json&) {
    peer.send(
        R"({"type":"history","id":"a","timestamp":"","data":{"events":[],"offset":42,"epoch":"no epoch"}})");
    if (server_.peers().size() == 1) return peer.close(protocol::CloseCode::kSlowConsumer);
    peer.send(event(44));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  for (const json& command : commands_) EXPECT_NE(command["action"], "unsubscribe");
  std::ifstream file(options_.cursor);
  const json cursor = json::parse(file);
  EXPECT_EQ(cursor["since"]["positions"], json::parse(R"({"a":{"offset":44}})"));
  EXPECT_THAT(notices(),
              HasSubstr("passed over 4 channels of the server's answer: channel \"no channel\": "));
}

TEST_F(TapTest, AnAnswerThatIsNoPageOfHistoryEndsThePlayingAndIsNamed) {
  options_.from = "start";
  options_.speed = 1000;
  on_subscribe = [](FakePeer& peer, const json&) { peer.send(subscribed(entry(5))); };
  on_history = [](FakePeer& peer, const json&) {
    peer.send(
        R"({"type":"history","id":4,"timestamp":"","data":{"events":[],"offset":5,"epoch":"e","oldest":0}})");
  };
  const cli::Outcome outcome = run();
  EXPECT_EQ(outcome.code, cli::ExitCode::kRefused);
  EXPECT_THAT(notices(), HasSubstr("the server answers `history` with what is no page of it"));
}

TEST_F(TapTest, AChannelOfAPatternIsResumedWithTheEpochThatWasAskedFor) {
  options_.channels = {"*"};
  options_.count = 2;
  on_subscribe = [this](FakePeer& peer, const json& command) {
    if (server_.peers().size() == 1) {
      peer.send(subscribed(R"({"channel":"*","offset":null,"epoch":null,"recovered":false,"replayed":0})"));
      return peer.send(event(42));
    }
    EXPECT_EQ(command["since"]["positions"], json::parse(R"({"a":{"offset":42,"epoch":"e"}})"));
    peer.send(
        subscribed(R"({"channel":"*","offset":null,"epoch":null,"recovered":false,"replayed":50,"gaps":[)"
                   R"({"channel":"a","offset":50,"epoch":"f","oldest":1}]})"));
    peer.send(event(1));
  };
  on_history = [](FakePeer& peer, const json& command) {
    EXPECT_EQ(command, json::parse(R"({"action":"history","id":"a","channel":"a","since":"now","limit":1})"));
    peer.send(R"({"type":"history","id":"a","timestamp":"","data":{"events":[],"offset":42,"epoch":"e"}})");
    peer.close(protocol::CloseCode::kSlowConsumer);
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(), HasSubstr("gap in a: the channel began anew, and what followed event 42 is lost\n"));
}

TEST_F(TapTest, AServerWithoutHistoryIsNotComplainedAbout) {
  options_.channels = {"*"};
  options_.count = 2;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(R"({"channel":"*","offset":null,"epoch":null,"recovered":false,"replayed":0})"));
    peer.send(event(42));
  };
  on_history = [](FakePeer& peer, const json&) {
    peer.send(error("UNAVAILABLE", R"("id":"a",)"));
    peer.send(event(43));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  EXPECT_THAT(notices(), Not(HasSubstr("UNAVAILABLE")));
}

TEST_F(TapTest, ALostConnectionWithoutRetriesIsExitSix) {
  options_.connect.retries = 0;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.close(protocol::CloseCode::kSlowConsumer);
  };
  EXPECT_EQ(run().code, cli::ExitCode::kLost);
}

TEST_F(TapTest, AServerThatDoesNotAnswerTheSubscriptionIsLeft) {
  options_.connect.connect_timeout = milliseconds{500};
  options_.connect.retries = 0;
  on_subscribe = [](FakePeer&, const json&) {};
  EXPECT_EQ(run().code, cli::ExitCode::kLost);
  EXPECT_THAT(notices(), HasSubstr("does not answer the subscription"));
}

// Of pages when nothing is played, of the end when there is none, of channels nobody looked for.
TEST_F(TapTest, AnswersThatWereNotAskedForChangeNothing) {
  options_.count = 2;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    peer.send(event(1));
    for (int id = 0; id <= 9; ++id) {
      const std::string text = std::to_string(id);
      peer.send(subscribed("", text));
      peer.send(subscribed(entry(9), text));
      for (const char* code : {"NOT_FOUND", "RATE_LIMITED", "FORBIDDEN"}) {
        peer.send(error(code, "\"id\":" + text + ","));
      }
      peer.send(
          R"({"type":"history","id":)" + text +
          R"(,"timestamp":"2026-11-20T10:00:00Z","data":{"channel":"a","offset":0,"epoch":"e","oldest":1,)"
          R"("recovered":true,"complete":true,"events":[]}})");
    }
    peer.send(event(2));
  };
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
}

// --- a slow reader -----------------------------------------------------------

TEST_F(TapTest, ASlowReaderGetsEverythingInOrder) {
  constexpr std::uint64_t kEvents = 60'000;  // far more than pipe and buffers hold
  options_.count = kEvents;
  on_subscribe = [](FakePeer& peer, const json&) {
    peer.send(subscribed(entry(0)));
    std::string frames;
    for (std::uint64_t offset = 1; offset <= kEvents; ++offset) peer.send(event(offset));
  };
  std::string received;
  std::function<void()> slowly = [&] {
    char buffer[4096];
    pollfd ready{.fd = records_.reader(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 0) > 0) {
      const ssize_t count = read(records_.reader(), buffer, sizeof(buffer));
      if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    }
    boost::asio::post(io_, slowly);
  };
  boost::asio::post(io_, slowly);
  EXPECT_EQ(run().code, cli::ExitCode::kOk);
  received += records_.read_now();
  EXPECT_EQ(std::count(received.begin(), received.end(), '\n'), static_cast<long>(kEvents));
  EXPECT_TRUE(received.ends_with(event(kEvents) + "\n"));
  EXPECT_THAT(notices(), Not(HasSubstr("gap in")));
}

}  // namespace
}  // namespace wskit::tap
