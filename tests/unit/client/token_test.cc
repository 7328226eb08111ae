#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/client/client.h"
#include "common/client/token_file.h"
#include "fake_server.h"
#include "support/scratch_folder.h"
#include "test_loop.h"

namespace wskit::client {
namespace {

using nlohmann::json;
using protocol::CloseCode;
using ::testing::ElementsAre;
using testing::FakePeer;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A file with a token, in a folder of its own.
class TokenPlace {
 public:
  TokenPlace() { write("first"); }

  [[nodiscard]] std::string path() const { return folder_ / "token"; }
  void write(const std::string& text) const { std::ofstream(path(), std::ios::trunc) << text; }
  // As programs do that care: another file takes its place.
  void replace(const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    std::filesystem::rename(folder_ / "new", path());
  }
  void remove() const { std::filesystem::remove(path()); }

 private:
  const test::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
};

// --- the file ------------------------------------------------------------------

TEST(TokenFile, IsReadWithoutWhiteSpaceAroundIt) {
  const TokenPlace place;
  place.write(" \n a.b-c_d \r\n");
  EXPECT_EQ(*TokenFile(place.path()).read(), "a.b-c_d");
}

TEST(TokenFile, HoldsOneTokenAndNothingElse) {
  const TokenPlace place;
  for (const std::string& text :
       {std::string(), std::string(" \n"), std::string("s3cret two"), std::string("s3cret\x01"),
        std::string("s3cr\xC3\xA9t"), std::string(70'000, 's')}) {
    place.write(text);
    const auto token = TokenFile(place.path()).read();
    ASSERT_FALSE(token) << text.substr(0, 10);
    EXPECT_THAT(token.error().message, HasSubstr(place.path()));
    EXPECT_THAT(token.error().message, Not(HasSubstr("s3cr")));
  }
  place.remove();
  EXPECT_THAT(TokenFile(place.path()).read().error().message, HasSubstr("No such file"));
}

TEST(TokenFile, HasSettledWhenTwoLooksFoundTheSame) {
  const TokenPlace place;
  TokenFile file(place.path());
  ASSERT_TRUE(file.read());
  EXPECT_FALSE(file.has_settled_anew());
  EXPECT_FALSE(file.has_settled_anew());
  place.write("longer-one");
  EXPECT_FALSE(file.has_settled_anew()) << "it may still be being written";
  EXPECT_TRUE(file.has_settled_anew());
  ASSERT_TRUE(file.read());
  EXPECT_FALSE(file.has_settled_anew());
  place.replace("longer-two");
  EXPECT_FALSE(file.has_settled_anew());
  EXPECT_TRUE(file.has_settled_anew());
}

TEST(TokenFile, ThatIsGoneHasNotSettled) {
  const TokenPlace place;
  TokenFile file(place.path());
  ASSERT_TRUE(file.read());
  place.remove();
  EXPECT_FALSE(file.has_settled_anew());
  EXPECT_FALSE(file.has_settled_anew());
  EXPECT_FALSE(can_be_read_again(place.path()));
  EXPECT_FALSE(can_be_read_again("/dev/null"));
}

// --- the connection --------------------------------------------------------------

class Recorder : public ClientHandler {
 public:
  void on_open() override { ++opened; }
  void on_message(std::string_view text) override { messages.emplace_back(text); }
  void on_token_renewed() override { ++renewed; }
  void on_token_trouble(std::string_view message) override { trouble.emplace_back(message); }
  void on_disconnect(const Failure&, std::chrono::nanoseconds, bool) override {}
  void on_end(const Failure& why) override { end = why; }

  int opened = 0;
  int renewed = 0;
  std::vector<std::string> messages;
  std::vector<std::string> trouble;
  std::optional<Failure> end;
};

class TokenTest : public ::testing::Test {
 protected:
  TokenTest() {
    options_.url = server_.url();
    options_.token = "first";
    options_.token_file = place_.path();
    options_.reconnect.backoff = {.first = std::chrono::milliseconds{1}, .cap = std::chrono::milliseconds{5}};
    server_.on_message = [this](FakePeer& peer, const std::string& text) {
      const json command = json::parse(text);
      shown_.push_back(command["token"]);
      peer.send(answer_(command));
    };
  }

  void start() {
    client_.emplace(io_, options_, recorder_);
    client_->start();
  }
  template <class Condition>
  void wait_for(Condition condition) {
    ASSERT_TRUE(testing::run_until(io_, condition));
  }
  static json taken(const json& command) {
    return {{"type", "authenticated"}, {"id", command["id"]}, {"data", {{"user", "ann"}}}};
  }
  static json refused(const json& command) {
    return {{"type", "error"},
            {"id", command["id"]},
            {"data", {{"code", "UNAUTHORIZED"}, {"message", "the token has expired"}}}};
  }
  [[nodiscard]] std::vector<std::string> bearers() const {
    std::vector<std::string> found;
    for (const auto& peer : server_.peers()) {
      const std::string& request = peer->request();
      const std::size_t begin = request.find("Bearer ");
      found.push_back(
          begin == std::string::npos ? "" : request.substr(begin + 7, request.find('\r', begin) - begin - 7));
    }
    return found;
  }

  TokenPlace place_;
  boost::asio::io_context io_;
  FakeServer server_{io_};
  ClientOptions options_;
  Recorder recorder_;
  std::vector<std::string> shown_;
  std::function<std::string(const json&)> answer_ = [](const json& command) { return taken(command).dump(); };
  std::optional<Client> client_;
};

TEST_F(TokenTest, ANewOneIsShownOnTheOpenConnection) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  wait_for([&] { return recorder_.renewed == 1; });
  EXPECT_THAT(shown_, ElementsAre("second"));
  EXPECT_THAT(recorder_.messages, IsEmpty()) << "the answer is nobody else's";
  EXPECT_THAT(bearers(), ElementsAre("first"));
}

TEST_F(TokenTest, ANewOneThatIsRefusedIsTroubleAndNotTheEnd) {
  answer_ = [](const json& command) { return refused(command).dump(); };
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  wait_for([&] { return !recorder_.trouble.empty(); });
  EXPECT_THAT(recorder_.trouble[0], HasSubstr("refuses the new token in " + place_.path()));
  EXPECT_THAT(recorder_.trouble[0], HasSubstr("the token has expired"));
  EXPECT_THAT(recorder_.trouble[0], Not(HasSubstr("second")));
  answer_ = [](const json& command) { return taken(command).dump(); };
  place_.replace("third");
  wait_for([&] { return recorder_.renewed == 1; });
  EXPECT_THAT(shown_, ElementsAre("second", "third"));
}

TEST_F(TokenTest, AFileThatHoldsNoneIsTrouble) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.write("");
  wait_for([&] { return !recorder_.trouble.empty(); });
  EXPECT_THAT(recorder_.trouble[0], HasSubstr("holds no token"));
  EXPECT_THAT(shown_, IsEmpty());
}

TEST_F(TokenTest, EventsThatSpeakOfTheAnswerAreHandedOver) {
  const std::string event =
      R"({"type":"authenticated","id":"wskit-auth","channel":"a","offset":1,"data":"wskit-auth"})";
  answer_ = [&](const json&) { return event; };
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  wait_for([&] { return !recorder_.messages.empty(); });
  EXPECT_THAT(recorder_.messages, ElementsAre(event));
}

TEST_F(TokenTest, EachConnectionBeginsWithTheNewest) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  server_.last().cut();
  wait_for([&] { return recorder_.opened == 2; });
  EXPECT_THAT(bearers(), ElementsAre("first", "second"));
}

TEST_F(TokenTest, AnExpiredOneIsReplacedByTheOneInTheFile) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  server_.last().close(CloseCode::kUnauthorized, "the token has expired");
  wait_for([&] { return recorder_.opened == 2; });
  EXPECT_THAT(bearers(), ElementsAre("first", "second"));
}

TEST_F(TokenTest, AnExpiredOneWithoutAnotherIsTheEndWithARemedy) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  server_.last().close(CloseCode::kUnauthorized, "the token has expired");
  wait_for([&] { return recorder_.end.has_value(); });
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_THAT(recorder_.end->message, HasSubstr("4001 the token has expired; put a good token into "));
  EXPECT_THAT(bearers(), SizeIs(1));
}

TEST_F(TokenTest, WhatIsForbiddenStaysSo) {
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  server_.last().close(CloseCode::kForbidden, "not for you");
  wait_for([&] { return recorder_.end.has_value(); });
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_THAT(recorder_.end->message, HasSubstr("4003 not for you; this token does not permit it"));
}

TEST_F(TokenTest, OneThatWasTypedStays) {
  options_.token_file.clear();
  start();
  wait_for([&] { return recorder_.opened == 1; });
  place_.replace("second");
  server_.last().cut();
  wait_for([&] { return recorder_.opened == 2; });
  EXPECT_THAT(bearers(), ElementsAre("first", "first"));
}

}  // namespace
}  // namespace wskit::client
