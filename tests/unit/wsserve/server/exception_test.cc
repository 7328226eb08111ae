// H1: no exception ends a server. Allocations of its threads throw, one after the other:
// whatever comes of it, the others are served, and nothing is left behind.
//
// The parser that throws, the handler that throws and the memory that is used up are the
// same here: an allocation made by it that throws what a library might.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "unit/wsserve/model/wire_client.h"
#include "wsserve/auth/claims.h"
#include "wsserve/broker/memory_broker.h"
#include "wsserve/channel/hub.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/server/server.h"

namespace {

enum class Fault { kNoMemory, kLengthError };

// Of every thread but the test's own.
std::atomic<long> allocations_left{-1};  // before one throws; below 0: none does
std::atomic<long> throwing{0};           // so many throw then
std::atomic<Fault> fault{Fault::kNoMemory};
thread_local bool is_test_thread = false;

void maybe_throw() {
  if (is_test_thread || allocations_left.load(std::memory_order_relaxed) < 0) return;
  const long before = allocations_left.fetch_sub(1);
  if (before > 0) return;
  // From here on each one throws, until that were enough of them.
  if (throwing.fetch_sub(1) <= 1) {
    allocations_left = -1;
  } else {
    allocations_left = 0;
  }
  if (fault == Fault::kLengthError) throw std::length_error("thrown by a test");
  throw std::bad_alloc();
}

}  // namespace

// NOLINTBEGIN: the whole program's.
void* operator new(std::size_t size) {
  maybe_throw();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND

namespace wskit::server {
namespace {

using model::WireClient;
using namespace std::chrono_literals;

constexpr auto kPatience = 30s;

class ExceptionTest : public testing::Test {
 protected:
  ExceptionTest() {
    is_test_thread = true;
    allocations_left = -1;
    std::string folder = (std::filesystem::temp_directory_path() / "wskit-exceptions-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    socket_path_ = folder_ + "/socket";
    start();
  }
  ~ExceptionTest() override {
    allocations_left = -1;
    bystander_.reset();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    Settings settings;
    settings.handshake_timeout = 60s;
    std::vector<std::unique_ptr<Listener>> listeners;
    listeners.push_back(
        std::make_unique<Listener>(ListenAddress{.host = {}, .port = {}, .unix_path = socket_path_}));
    server_ = std::make_unique<Server>(settings, 1, std::move(listeners));
    server_->incidents().tell_by([this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    });
    server_->start();
    bystander_ = std::make_unique<WireClient>(socket_path_, "/ws/quiet/*", false);
    ASSERT_TRUE(hears(*bystander_, R"("subscribed")"));
  }

  static void arm(long after, long times, Fault what) {
    fault = what;
    throwing = times;
    allocations_left = after;
  }
  // Whether nothing was thrown since arm().
  static bool disarm() { return allocations_left.exchange(-1) > 0; }

  static bool wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(200us);
    }
    return true;
  }

  // Waits for the socket, and reads until a message has `text` or the connection is over;
  // whether it has.
  static bool hears(WireClient& client, std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      client.pump();
      while (!client.heard().empty()) {
        const bool found = client.heard().front().find(text) != std::string::npos;
        client.heard().pop_front();
        if (found) return true;
      }
      if (client.ended()) return false;
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "neither heard nor over: " << text;
        return false;
      }
      pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
      if (client.wants_to_write()) ready.events |= POLLOUT;
      ::poll(&ready, 1, 1000);
    }
  }

  static bool asks(WireClient& client, std::string_view command, std::string_view answer) {
    client.send_text(command);
    return hears(client, answer);
  }

  // A request on a connection of its own; what came of it until `end` has come or the
  // connection is over.
  std::string request(std::string_view text, std::string_view end) const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    std::string answer;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      const timeval limit{.tv_sec = 20, .tv_usec = 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
      [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      std::array<char, 4096> buffer;
      while (answer.find(end) == std::string::npos) {
        const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EAGAIN) ADD_FAILURE() << "no answer and no end: " << text;
        if (count <= 0) break;
        answer.append(buffer.data(), static_cast<std::size_t>(count));
      }
    }
    ::close(fd);
    return answer;
  }

  // Whatever happens to it.
  void converse() const {
    request("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n");
    request(
        "POST /publish/talk/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n",
        "\r\n\r\n");
    {
      WireClient client(socket_path_, "/ws?heartbeat=30", true);
      if (!hears(client, R"("connected")")) return;
      if (!asks(client, R"({"action":"subscribe","channels":["talk/a","talk/*"],"since":"start","id":"1"})",
                R"("subscribed")")) {
        return;
      }
      if (!asks(client, R"({"action":"subscribe","channels":["talk/b"],"max_rate":100,"id":"2"})",
                R"("subscribed")")) {
        return;
      }
      if (!asks(client,
                R"({"action":"publish","channel":"talk/a","type":"e","data":{"b":2},"dedup":"d","id":"3"})",
                R"("published")")) {
        return;
      }
      client.send_text(R"({"action":"publish","channel":"talk/b","type":"e","data":[1],"id":"4"})");
      if (!hears(client, R"("talk/b")")) return;
      if (!asks(client, R"({"action":"history","channel":"talk/a","id":"5"})", R"("history")")) return;
      if (!asks(client, R"({"action":"presence","channel":"talk/a","id":"6"})", R"("presence")")) return;
      if (!asks(client, R"({"action":"nonsense","id":"7"})", R"("error")")) return;
      if (!asks(client, R"({"action":"unsubscribe","channels":["talk/a"],"id":"8"})", R"("unsubscribed")")) {
        return;
      }
    }
    request("GET /history/talk/a HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n");
    request("GET /events/talk/a?since=start HTTP/1.1\r\nHost: localhost\r\n\r\n", "@subscribed");
  }

  // The bystander publishes to itself, and hears it.
  bool bystander_works() {
    ++published_;
    bystander_->send_text(fmt::format(
        R"({{"action":"publish","channel":"quiet/1","type":"e","data":{{"n":{}}}}})", published_));
    return hears(*bystander_, fmt::format(R"("n":{})", published_));
  }

  // Only the bystander is left, and what it takes.
  bool is_tidy() {
    nlohmann::json stats;
    const bool tidy = wait_until([&] {
      stats = nlohmann::json::parse(server_->stats(auth::Identity{}));
      return stats["total_connections"] == 1 && stats["event_streams"] == 0 && stats["subscriptions"] == 1 &&
             stats["queued_bytes"] == 0 && stats["replay_bytes"] == 0 && server_->websockets() == 1;
    });
    if (!tidy) ADD_FAILURE() << stats.dump(2);
    return tidy;
  }

  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  // For every allocation of a conversation: `times` of them throw from that one on. How
  // many there are.
  long walk(long times, Fault what) {
    converse();
    long n = 0;
    for (bool whole = false; !whole; ++n) {
      arm(n + 1, times, what);
      converse();
      whole = disarm();
      SCOPED_TRACE(fmt::format("allocation {}", n));
      if (times > 1 && !bystander_works()) {
        // Without memory for what every connection needs, it may have been its turn.
        bystander_ = std::make_unique<WireClient>(socket_path_, "/ws/quiet/*", false);
        EXPECT_TRUE(hears(*bystander_, R"("subscribed")"));
      }
      EXPECT_TRUE(bystander_works());
      if (!is_tidy() || HasFailure()) break;
    }
    return n;
  }

  std::unique_ptr<Server> server_;
  std::unique_ptr<WireClient> bystander_;
  std::string socket_path_;

 private:
  std::string folder_;
  int published_ = 0;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(ExceptionTest, AParserThatThrowsIsAnsweredWith500AndIsToldOfInTheLog) {
  const std::uint64_t before = server_->incidents().total();
  // The connection is there before the request.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_TRUE(
      wait_until([&] { return nlohmann::json::parse(server_->stats(auth::Identity{}))["accepted"] == 2; }));
  arm(0, 1, Fault::kLengthError);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Secret: hunter2\r\n\r\n";
  ASSERT_GT(::send(fd, request.data(), request.size(), MSG_NOSIGNAL), 0);
  std::string answer;
  std::array<char, 4096> buffer;
  for (ssize_t count = 1; count > 0;) {
    count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count > 0) answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(fd);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
  EXPECT_EQ(server_->incidents().total(), before + 1);
  EXPECT_NE(server_->metrics().find("\nwskit_exceptions_total 1\n"), std::string::npos);
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_EQ(lines().front(), "caught in what a peer sent: std::length_error (thrown by a test)");
  EXPECT_TRUE(bystander_works());
  EXPECT_TRUE(is_tidy());
}

TEST_F(ExceptionTest, AHandlerThatThrowsClosesItsWebSocketWith1011) {
  WireClient client(socket_path_, "/ws", false);
  ASSERT_TRUE(hears(client, R"("connected")"));
  ASSERT_TRUE(asks(client, R"({"action":"ping"})", R"("pong")"));
  arm(0, 1, Fault::kLengthError);
  client.send_text(R"({"action":"subscribe","channels":["a/channel/with/a/long/name/*"]})");
  EXPECT_FALSE(hears(client, R"("subscribed")"));
  EXPECT_EQ(client.close_code(), protocol::CloseCode::kInternalError);
  EXPECT_TRUE(bystander_works());
  EXPECT_TRUE(is_tidy());
}

TEST_F(ExceptionTest, EveryAllocationOfAConversationMayFailAndABystanderGoesOn) {
  const long allocations = walk(1, Fault::kNoMemory);
  EXPECT_GT(allocations, 200);
  fmt::print("{} allocations\n", allocations);
}

TEST_F(ExceptionTest, WhateverIsThrownInAConversationABystanderGoesOn) { walk(1, Fault::kLengthError); }

TEST_F(ExceptionTest, WhileThereIsNoMemoryForAWhileTheServerLosesConnectionsAndNothingElse) {
  walk(40, Fault::kNoMemory);
}

// --- An event that is sent again -------------------------------------------------

// One channel whose events are copied to another, and what recognises an event.
struct Resent {
  bool by_sequence;
  bool copied;
};

class ResendTest : public testing::TestWithParam<Resent> {
 protected:
  // Everything anew, with eight events: what remembers them has to grow for the next one.
  void begin() {
    copies_.clear();
    hub_.reset();
    inboxes_.clear();
    inboxes_.push_back(std::make_unique<Inbox>());
    hub_ = std::make_unique<Hub>(inboxes_, HubLimits{}, ChannelRules{}, broker_);
    channel_ = hub_->find_or_create("a");
    if (GetParam().copied) copies_.push_back(hub_->find_or_create("copy"));
    if (GetParam().by_sequence) producer_ = hub_->producers().find_or_create("engine");
    channel_->show_interest(0);
    for (int i = 0; i < kBefore; ++i) (void)publish(i);
  }
  ~ResendTest() override {
    is_test_thread = true;
    allocations_left = -1;
  }

  static constexpr int kBefore = 8;

  Accepted publish(int number = kBefore) {
    const std::string dedup = fmt::format("an id that is too long to be kept in place: {}", number);
    protocol::PublishEvent event;
    event.channel = "a";
    event.type = "t";
    event.data = "1";
    if (producer_ != nullptr) event.sequence = number;
    if (producer_ == nullptr) event.dedup = dedup;
    return channel_->publish(event, {protocol::system_now(), "2026-01-01T00:00:00Z"}, copies_, producer_);
  }

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  std::unique_ptr<Hub> hub_;
  Channel* channel_ = nullptr;
  std::vector<Channel*> copies_;
  ProducerPtr producer_;
};

TEST_P(ResendTest, IsPublishedOnceWhicheverAllocationFailed) {
  bool failed = true;
  for (long after = 0; failed; ++after) {
    ASSERT_LT(after, 1'000);
    begin();
    fault = Fault::kNoMemory;
    throwing = 1;
    allocations_left = after;
    is_test_thread = false;
    bool threw = false;
    try {
      (void)publish();
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    is_test_thread = true;
    failed = allocations_left.exchange(-1) <= 0;
    const Accepted again = publish();
    EXPECT_EQ(again.duplicate, !threw) << "after " << after << " allocations";
    EXPECT_EQ(again.offset, kBefore + 1) << "after " << after << " allocations";
    EXPECT_EQ(channel_->position().offset, kBefore + 1) << "after " << after << " allocations";
    for (const Channel* copy : copies_) {
      EXPECT_EQ(copy->position().offset, kBefore + 1) << "after " << after << " allocations";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllWays, ResendTest,
                         testing::Values(Resent{false, false}, Resent{true, false}, Resent{false, true},
                                         Resent{true, true}));

// --- A channel's first event -----------------------------------------------------

// It is accepted before its channel is handed over from who made it.
TEST(BornWithoutMemoryTest, AChannelStaysWithThoseWhoMadeItWhicheverAllocationFailed) {
  const std::string reader = "a reader with a name that is not kept in place";
  const std::string writer = "a writer with a name that is not kept in place";
  is_test_thread = true;
  bool failed = true;
  long after = 0;
  for (; failed; ++after) {
    ASSERT_LT(after, 1'000);
    std::vector<std::unique_ptr<Inbox>> inboxes;
    inboxes.push_back(std::make_unique<Inbox>());
    broker::MemoryBroker broker;
    Hub hub(inboxes, HubLimits{.max_channels_per_client = 1}, ChannelRules{}, broker);
    Channel& channel = *hub.find_or_create("a", reader).channel;
    fault = after % 2 == 0 ? Fault::kNoMemory : Fault::kLengthError;
    throwing = 1;
    allocations_left = after / 2;
    is_test_thread = false;
    hub.born(channel, writer);
    is_test_thread = true;
    allocations_left = -1;
    failed = throwing == 0;
    EXPECT_EQ(hub.find_or_create("b", reader).share_is_taken, failed) << "after " << after / 2;
    EXPECT_EQ(hub.find_or_create("c", writer).share_is_taken, !failed) << "after " << after / 2;
  }
  EXPECT_GT(after, 2) << "some have failed";
}

// --- A token ---------------------------------------------------------------------

TEST(ClaimsWithoutMemoryTest, AreNotReadAndEndNothingElse) {
  const std::string claims =
      R"({"sub":"a user with a name that is not kept in place","subscribe":["a/*",["b",{"c":[1,2]}]],)"
      R"("publish":["the/name/of/a/channel","another/name/of/a/channel"],"aud":[["x"],"y"],"exp":1e9})";
  is_test_thread = true;
  bool failed = true;
  for (long after = 0; failed; ++after) {
    ASSERT_LT(after, 1'000);
    fault = Fault::kNoMemory;
    throwing = 1;
    allocations_left = after;
    is_test_thread = false;
    try {
      const auto set = auth::ClaimSet::read(claims);
      if (set) (void)auth::to_identity(*set, {}, 0ms);
    } catch (const std::bad_alloc&) {
    }
    is_test_thread = true;
    failed = allocations_left.exchange(-1) <= 0;
  }
}

}  // namespace
}  // namespace wskit::server
