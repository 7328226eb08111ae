#include "connection_fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "common/protocol/command.h"
#include "wsserve/connection/sign_in.h"
#include "wsserve/http/admin_request.h"
#include "wsserve/http/publish_request.h"
#include "wsserve/http/router.h"

namespace wskit::server {
namespace {

using websocket::Opcode;

constexpr Clock::time_point kStart{std::chrono::hours{1}};

std::vector<std::unique_ptr<Inbox>> one_inbox() {
  std::vector<std::unique_ptr<Inbox>> inboxes;
  inboxes.push_back(std::make_unique<Inbox>());
  inboxes.front()->owned_by_this_thread();
  return inboxes;
}

}  // namespace

// --- What a connection asks of others ----------------------------------------

void RecordingHandler::welcome(Peer& peer, const FirstSubscriptions& first,
                               std::chrono::milliseconds heartbeat, std::size_t max_message_bytes) {
  welcomes.push_back({peer.client().number(), first.channels, heartbeat, max_message_bytes});
  on_welcome(peer);
}

void RecordingHandler::run(Peer& peer, std::string_view text) {
  messages.emplace_back(text);
  on_message(peer, text);
}

void RecordingHandler::refuse_unread(Peer&, const protocol::Error& error) {
  messages.push_back(error.message);
}

void RecordingHandler::publish_over_http(Exchange& exchange, const http::PublishRequest& request) {
  on_request(exchange, request.events.front()[protocol::CommandField::kData]);
}

void RecordingHandler::administer(Exchange& exchange, const http::AdminRequest& request) {
  on_request(exchange, request.what());
}

void RecordingHandler::open_stream(Exchange& exchange, const http::EventStreamRequest& request) {
  if (Peer* peer = exchange.begin_stream(request)) on_stream(*peer);
}

void RecordingHandler::leaving(const Peer&, std::string_view name) { left.emplace_back(name); }

void RecordingHandler::read_page(Connection&, Channel&, const protocol::Since&, std::size_t, std::size_t,
                                 const Paged&) {}

void RecordingHandler::read_on(Peer&, Channel&, std::uint64_t, std::uint64_t, std::size_t) {}

void RecordingAgenda::after_turn(Connection& connection, Due due) {
  ++asked_[{connection.number(), due}];
  waiting_[due].push_back(&connection);
}

std::size_t RecordingAgenda::asked(std::uint64_t connection, Due due) const {
  const auto found = asked_.find({connection, due});
  return found == asked_.end() ? 0 : found->second;
}

std::vector<Connection*> RecordingAgenda::take(Due due) { return std::exchange(waiting_[due], {}); }

void RecordingAgenda::forget(const Connection& connection) {
  for (auto& [due, list] : waiting_) std::erase(list, &connection);
}

StubServer::StubServer(Hub& hub)
    : identity_{.server = "wskit/test", .node = "node", .started = kStart}, people_(hub) {}

bool StubServer::admit() {
  ++connections;
  return connections <= max_connections;
}

// --- The peer ------------------------------------------------------------------

TestClient::TestClient(int fd, std::unique_ptr<Connection> connection)
    : fd_(fd), number_(connection->number()), connection_(std::move(connection)) {}

TestClient::~TestClient() { ::close(fd_); }

void TestClient::send(std::string_view bytes) {
  ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

void TestClient::send_close(std::uint16_t code, std::string_view reason) {
  send(websocket::client_frame(Opcode::kClose, websocket::close_payload(code, reason)));
}

void TestClient::end() { ::shutdown(fd_, SHUT_WR); }

void TestClient::read() {
  std::array<char, 65'536> buffer;
  while (!over_) {
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      over_ = true;
      return;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string TestClient::take_bytes() {
  read();
  return std::exchange(received_, {});
}

std::vector<std::string> TestClient::frames_of(std::string_view bytes) {
  return websocket::transcript(reader_, bytes);
}

bool TestClient::is_over() {
  read();
  return over_ && received_.empty();
}

// --- The shard -------------------------------------------------------------------

ConnectionFixture::ConnectionFixture()
    : inboxes_(one_inbox()),
      hub_(inboxes_, HubLimits{}, ChannelRules{}, broker_),
      server_(hub_),
      wheel_(kStart),
      fanout_(hub_, 0, *inboxes_.front()),
      clock_(hub_.ages()),
      inflater_(15, false),
      deflater_(15, false),
      receive_buffer_(std::size_t{128} << 10),
      host_{.settings = std::make_shared<const Settings>(),
            .now = kStart,
            .index = 0,
            .server = server_,
            .hub = hub_,
            .poller = poller_,
            .wheel = wheel_,
            .fanout = fanout_,
            .commands = handler_,
            .agenda = agenda_,
            .outbounds = outbounds_,
            .clock = clock_,
            .inflater = inflater_,
            .deflater = deflater_,
            .receive_buffer = receive_buffer_} {
  set([](Settings&) {});
}

ConnectionFixture::~ConnectionFixture() {
  for (TestClient& client : clients_) {
    if (!client.is_gone()) client.connection().abort();
  }
  end_turn();
}

void ConnectionFixture::set(const std::function<void(Settings&)>& change) {
  Settings settings = *host_.settings;
  change(settings);
  message_limits_.push_back(settings.message_limits);
  host_.message_limits = &message_limits_.back();
  host_.settings = std::make_shared<const Settings>(std::move(settings));
}

TestClient& ConnectionFixture::connect(int send_buffer) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  OwnedFd socket(ends[0]);
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  if (send_buffer > 0) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
  }
  auto connection = std::make_unique<Connection>(host_, std::move(socket), PeerAddress(), next_number_++,
                                                 AdmissionStatePtr());
  TestClient& client = clients_.emplace_back(ends[1], std::move(connection));
  client.connection().start();
  return client;
}

TestClient& ConnectionFixture::open(std::string_view target, int send_buffer) {
  TestClient& client = connect(send_buffer);
  client.send(upgrade(target));
  turn();
  const std::string answer = client.take_bytes();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n")) << answer;
  return client;
}

void ConnectionFixture::turn() {
  read();
  wheel_.advance(host_.now);
  fan_out();
  flush();
  end_turn();
}

void ConnectionFixture::read() {
  poller_.wait(0);
  poller_.dispatch();
}

void ConnectionFixture::fan_out() {
  std::vector<Delivery> deliveries;
  std::vector<Inbox::Task> tasks;
  const std::uint64_t first = inboxes_.front()->take(deliveries, tasks);
  fanout_.collect(deliveries, first);
  fanout_.flush(1'000, [] {});
}

void ConnectionFixture::flush() {
  for (Connection* connection : agenda_.take(Due::kFlush)) {
    host_.guard(*connection, "a test's flush", [&] { connection->flush(); });
  }
  for (Connection* connection : agenda_.take(Due::kPinged)) connection->was_pinged(host_.now);
}

void ConnectionFixture::end_turn() {
  for (Connection* connection : agenda_.take(Due::kDropSubscriptions))
    connection->peer()->drop_subscriptions();
  for (Connection* connection : agenda_.take(Due::kDestroy)) {
    agenda_.forget(*connection);
    for (TestClient& client : clients_) {
      if (client.number() == connection->number()) {
        client.destroy();
        break;
      }
    }
  }
  fanout_.tidy();
}

void ConnectionFixture::pass(std::chrono::milliseconds time) {
  host_.now += time;
  turn();
}

void ConnectionFixture::subscribe(TestClient& client, std::string_view channel) {
  Position position;
  Peer& peer = client.peer();
  peer.subscriptions().add(fanout_.subscribe(peer, *hub_.find_or_create(channel), nullptr, position));
  host_.counters.subscriptions.add();
}

void ConnectionFixture::publish(std::string_view channel, std::string_view data) {
  protocol::PublishEvent event;
  event.channel = channel;
  event.type = "trade";
  event.data = data;
  (void)hub_.find_or_create(channel)->publish(event, clock_.receive_time());
}

void ConnectionFixture::answer_messages() {
  handler_.on_message = [](Peer& peer, std::string_view text) { peer.send_text(text); };
}

std::size_t ConnectionFixture::block(TestClient& client) {
  const std::string event(200'000, 'e');
  client.peer().deliver(event_frame(event), 1);
  EXPECT_GT(host_.counters.queued_bytes.get(), 0U);
  return event.size();
}

std::string ConnectionFixture::read_all_bytes(TestClient& client) {
  std::string all;
  for (std::string more = client.take_bytes(); !more.empty(); more = client.take_bytes()) {
    all += more;
    turn();
  }
  return all;
}

std::vector<std::string> ConnectionFixture::read_all_frames(TestClient& client) {
  return client.frames_of(read_all_bytes(client));
}

// --- What is sent ------------------------------------------------------------------

ChunkPtr event_frame(std::string_view text) {
  return Chunk::copy_of(websocket::server_frame(websocket::first_byte(Opcode::kText), text));
}

std::string get(std::string_view target, std::string_view lines) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(lines) + "\r\n";
}

std::string upgrade(std::string_view target) {
  return get(target,
             "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

}  // namespace wskit::server
