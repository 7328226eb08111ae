// Connections without a server: a Host that is filled by hand, a socket pair for each
// connection, and a shard's turn in steps that a test can take one by one. Time stands
// still but for pass().
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/websocket/transcript.h"
#include "wsserve/broker/memory_broker.h"
#include "wsserve/cluster/local_bus.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/host.h"
#include "wsserve/connection/peer.h"
#include "wsserve/limits/admission.h"
#include "wsserve/log/incidents.h"
#include "wsserve/loop/inbox.h"
#include "wsserve/presence/people.h"
#include "wsserve/status/stats.h"

namespace wskit::server {

// Notes what it is asked for, and does with it what the test says.
class RecordingHandler final : public CommandHandler {
 public:
  struct Welcome {
    std::uint64_t connection;
    std::vector<std::string> channels;
    std::chrono::milliseconds heartbeat;
    std::size_t max_message_bytes;
  };

  std::vector<Welcome> welcomes;
  std::vector<std::string> messages;
  std::vector<std::string> left;  // the names of subscriptions that ended with their connection

  std::function<void(Peer&)> on_welcome = [](Peer&) {};
  std::function<void(Peer&, std::string_view)> on_message = [](Peer&, std::string_view) {};
  // A request to publish or to administer.
  std::function<void(Exchange&, std::string_view)> on_request = [](Exchange&, std::string_view) {};
  // An event stream has begun.
  std::function<void(Peer&)> on_stream = [](Peer&) {};

  void welcome(Peer& peer, const FirstSubscriptions& first, std::chrono::milliseconds heartbeat,
               std::size_t max_message_bytes) override;
  void run(Peer& peer, std::string_view text) override;
  void refuse_unread(Peer& peer, const protocol::Error& error) override;
  void publish_over_http(Exchange& exchange, const http::PublishRequest& request) override;
  void administer(Exchange& exchange, const http::AdminRequest& request) override;
  void open_stream(Exchange& exchange, const http::EventStreamRequest& request) override;
  void leaving(const Peer& peer, std::string_view name) override;
  void read_page(Connection& asking, Channel& channel, const protocol::Since& since, std::size_t limit,
                 std::size_t max_bytes, const Paged& then) override;
  void read_on(Peer& peer, Channel& channel, std::uint64_t after, std::uint64_t newest,
               std::size_t max_bytes) override;
};

// Notes who asks to be called for what.
class RecordingAgenda final : public Agenda {
 public:
  void after_turn(Connection& connection, Due due) override;

  // How often the connection of that number has asked for it.
  [[nodiscard]] std::size_t asked(std::uint64_t connection, Due due) const;
  // Those that have asked for it since the last call.
  [[nodiscard]] std::vector<Connection*> take(Due due);
  // The connection is about to be destroyed.
  void forget(const Connection& connection);

 private:
  std::map<std::pair<std::uint64_t, Due>, std::size_t> asked_;
  std::map<Due, std::vector<Connection*>> waiting_;
};

// A server of one shard that has room for as many connections as the test says.
class StubServer final : public ServerView {
 public:
  explicit StubServer(Hub& hub);

  std::size_t max_connections = 1'000;
  std::size_t connections = 0;
  bool is_draining = false;

  [[nodiscard]] const ServerIdentity& identity() const override { return identity_; }
  [[nodiscard]] std::string stats(const auth::Identity&) const override { return "{}"; }
  [[nodiscard]] std::string metrics() const override { return {}; }
  [[nodiscard]] bool draining() const override { return is_draining; }
  [[nodiscard]] std::string store_problem() const override { return {}; }
  [[nodiscard]] std::string store_damage() const override { return {}; }
  [[nodiscard]] bool admit() override;
  void leave() override { --connections; }
  [[nodiscard]] Admission& admission() override { return admission_; }
  [[nodiscard]] people::People& people() override { return people_; }
  [[nodiscard]] cluster::Bus& bus() override { return bus_; }
  [[nodiscard]] std::size_t shard_count() const override { return 1; }
  [[nodiscard]] std::size_t subscriptions() const override { return 0; }
  [[nodiscard]] AuditLog* audit() const override { return nullptr; }
  [[nodiscard]] ServerLog* log() const override { return nullptr; }
  [[nodiscard]] Incidents& incidents() override { return incidents_; }

 private:
  const ServerIdentity identity_;
  Admission admission_;
  people::People people_;
  cluster::LocalBus bus_{{}};  // nobody is on it
  Incidents incidents_;
};

// The peer of one connection.
class TestClient {
 public:
  TestClient(int fd, std::unique_ptr<Connection> connection);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void send(std::string_view bytes);
  void send_text(std::string_view text) { send(websocket::client_frame(websocket::Opcode::kText, text)); }
  void send_ping(std::string_view text) { send(websocket::client_frame(websocket::Opcode::kPing, text)); }
  void send_close(std::uint16_t code, std::string_view reason = {});
  // Nothing more will be sent.
  void end();

  // What has come since the last call, as it came.
  [[nodiscard]] std::string take_bytes();
  // The same as frames: "text:hello", "close:1000:a reason". Behind a close there are none.
  [[nodiscard]] std::vector<std::string> take_frames() { return frames_of(take_bytes()); }
  // REQUIRES: `bytes` follow those that were read as frames before.
  [[nodiscard]] std::vector<std::string> frames_of(std::string_view bytes);
  // Whether the server has said that nothing follows what was taken.
  [[nodiscard]] bool is_over();

  [[nodiscard]] std::uint64_t number() const { return number_; }
  // REQUIRES: it was not destroyed.
  [[nodiscard]] Connection& connection() const { return *connection_; }
  // The same, as a WebSocket or an event stream. REQUIRES: it has become one.
  [[nodiscard]] Peer& peer() const { return *connection_->peer(); }
  [[nodiscard]] bool is_open() const {
    return connection_ != nullptr && connection_->peer() != nullptr && connection_->peer()->is_open();
  }
  // Whether the connection was destroyed.
  [[nodiscard]] bool is_gone() const { return connection_ == nullptr; }
  void destroy() { connection_.reset(); }

 private:
  void read();

  const int fd_;
  const std::uint64_t number_;
  std::unique_ptr<Connection> connection_;
  std::string received_;
  bool over_ = false;
  websocket::ReaderLimits limits_{.max_message_bytes = std::size_t{64} << 20, .max_fragments = 1};
  websocket::MessageReader reader_{websocket::Role::kClient, limits_};
};

class ConnectionFixture : public testing::Test {
 protected:
  // So little that a peer that does not read is noticed after a few KiB.
  static constexpr int kSmallBuffer = 4096;

  ConnectionFixture();
  ~ConnectionFixture() override;

  // Changes the settings of connections to come, and those that hold for all at once.
  void set(const std::function<void(Settings&)>& change);

  // A connection that has started. `send_buffer`: the kernel holds about so much of what
  // the peer has not read; 0: its own choice.
  TestClient& connect(int send_buffer = 0);
  // The same after the upgrade.
  TestClient& open(std::string_view target = "/ws", int send_buffer = 0);

  // A whole turn: reads, looks at the time, delivers, writes, and calls those who asked.
  void turn();
  // Its parts.
  void read();
  void flush();
  void end_turn();
  // A turn later.
  void pass(std::chrono::milliseconds time);

  // Subscribes the channel as the command would.
  void subscribe(TestClient& client, std::string_view channel);
  // Publishes `data`, which is JSON.
  void publish(std::string_view channel, std::string_view data);

  // The handler answers every message with its text from now on.
  void answer_messages();
  // Fills what lies between the two ends with one event, and returns the length of its text.
  std::size_t block(TestClient& client);

  // Everything that the client is sent until nothing more comes, with a turn behind each
  // part that was read.
  [[nodiscard]] std::string read_all_bytes(TestClient& client);
  [[nodiscard]] std::vector<std::string> read_all_frames(TestClient& client);

  [[nodiscard]] std::size_t asked(const TestClient& client, Due due) const {
    return agenda_.asked(client.number(), due);
  }
  [[nodiscard]] Host& host() { return host_; }
  [[nodiscard]] ShardCounters& counters() { return host_.counters; }
  [[nodiscard]] RecordingHandler& handler() { return handler_; }
  [[nodiscard]] StubServer& server() { return server_; }
  [[nodiscard]] Hub& hub() { return hub_; }

 private:
  void fan_out();

  std::vector<std::unique_ptr<Inbox>> inboxes_;
  broker::MemoryBroker broker_;
  Hub hub_;
  StubServer server_;
  RecordingHandler handler_;
  RecordingAgenda agenda_;
  Poller poller_;
  TimingWheel wheel_;
  Fanout fanout_;
  OutboundPool outbounds_;
  ReceiveClock clock_;
  websocket::Inflater inflater_;
  websocket::Deflater deflater_;
  std::vector<char> receive_buffer_;
  std::list<websocket::ReaderLimits> message_limits_;  // all that ever held
  Host host_;
  std::uint64_t next_number_ = 1;
  std::list<TestClient> clients_;
};

// A frame as the fan-out hands it over.
[[nodiscard]] ChunkPtr event_frame(std::string_view text);

// GET, with further lines of the header, each with its end.
[[nodiscard]] std::string get(std::string_view target, std::string_view lines = {});
// The upgrade of RFC 6455 section 1.3.
[[nodiscard]] std::string upgrade(std::string_view target);

}  // namespace wskit::server
