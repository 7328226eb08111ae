#include "fake_server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "common/protocol/command.h"
#include "common/protocol/reply.h"
#include "common/websocket/frame.h"
#include "common/websocket/handshake.h"
#include "common/websocket/message_reader.h"
#include "wsbench/event_text.h"
#include "wsbench/stamp.h"

namespace wskit::bench {
namespace {

constexpr std::string_view kTime = kTimestampExample;
const websocket::ReaderLimits kLimits;

void append_frame(std::string_view payload, std::string& out) {
  const websocket::FrameHeader header{.opcode = websocket::Opcode::kText, .payload_bytes = payload.size()};
  const std::size_t at = out.size();
  out.resize(at + websocket::header_size(header));
  websocket::write_header(header, out.data() + at);
  out.append(payload);
}

}  // namespace

struct FakeServer::Peer {
  explicit Peer(int fd) : socket(fd), reader(websocket::Role::kServer, kLimits) {}

  Descriptor socket;
  websocket::MessageReader reader;
  bool upgraded = false;
  bool gone = false;
  std::string request;
  std::string out;
  std::vector<std::string> channels;
  std::string held;  // a delivery that lets the next one pass
};

FakeServer::FakeServer(Behaviour behaviour)
    : behaviour_(behaviour), listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), generic, length) != 0 || listen(listener_.get(), SOMAXCONN) != 0 ||
      getsockname(listener_.get(), generic, &length) != 0) {
    throw std::runtime_error("the fake server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FakeServer::~FakeServer() {
  stopping_.store(true);
  thread_.join();
}

client::Url FakeServer::url() const {
  return client::parse_url(fmt::format("ws://127.0.0.1:{}/ws", port_)).value();
}

void FakeServer::run() {
  while (!stopping_.load()) {
    std::vector<pollfd> watched{{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    for (const auto& peer : peers_) {
      const auto events = static_cast<short>(peer->out.empty() ? POLLIN : POLLIN | POLLOUT);
      watched.push_back({.fd = peer->socket.get(), .events = events, .revents = 0});
    }
    if (poll(watched.data(), watched.size(), 20) == 0) release_held();
    for (std::size_t index = 1; index < watched.size(); ++index) {
      Peer& peer = *peers_[index - 1];
      if ((watched[index].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive(peer)) peer.gone = true;
    }
    for (const auto& peer : peers_) flush(*peer);
    std::erase_if(peers_, [](const auto& peer) { return peer->gone; });
    if ((watched[0].revents & POLLIN) != 0) accept_one();
  }
}

void FakeServer::accept_one() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  set_no_delay(fd);
  peers_.push_back(std::make_unique<Peer>(fd));
}

bool FakeServer::receive(Peer& peer) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(peer.socket.get(), buffer.data(), buffer.size() - 64, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
  if (got < 0) return true;
  if (!peer.upgraded) {
    peer.request.append(buffer.data(), static_cast<std::size_t>(got));
    if (peer.request.ends_with("\r\n\r\n")) answer_upgrade(peer);
    return true;
  }
  peer.reader.feed({buffer.data(), static_cast<std::size_t>(got)});
  for (;;) {
    const auto item = peer.reader.next();
    using Kind = websocket::MessageReader::Kind;
    if (item.kind == Kind::kNeedMore) return true;
    if (item.kind == Kind::kMessage)
      on_text(peer, std::string_view(item.payload.data(), item.payload.size()));
    if (item.kind == Kind::kClose || item.kind == Kind::kViolation || peer.gone) return false;
  }
}

void FakeServer::answer_upgrade(Peer& peer) {
  if (behaviour_.misdeed == Misdeed::kRefuseUpgrade) {
    peer.out = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    return;
  }
  constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
  const std::size_t key = peer.request.find(kKey) + kKey.size();
  const std::size_t end = peer.request.find("\r\n", key);
  peer.out = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
      "sec-websocket-accept: {}\r\n\r\n",
      websocket::accept_token(peer.request.substr(key, end - key)));
  append_frame(R"({"type":"connected","timestamp":"2026-01-01T00:00:00.000000Z","data":{}})", peer.out);
  peer.upgraded = true;
}

void FakeServer::on_text(Peer& peer, std::string_view text) {
  protocol::CommandParser parser;
  const auto parsed = parser.parse(text);
  std::string reply;
  if (!parsed) {
    protocol::append_reply(reply, parsed.error().id, kTime, protocol::refused(parsed.error().error));
    return append_frame(reply, peer.out);
  }
  const protocol::Command& command = **parsed;
  if (command.action == protocol::Action::kSubscribe) {
    if (behaviour_.misdeed == Misdeed::kRefuseSubscribe) {
      reply = R"({"type":"error","id":1,"data":{"code":"FORBIDDEN","message":"not for you"}})";
      return append_frame(reply, peer.out);
    }
    for (const std::string_view channel : *command.channels) peer.channels.emplace_back(channel);
    protocol::append_reply(reply, command.id, kTime, protocol::Subscribed{});
    return append_frame(reply, peer.out);
  }
  for (const protocol::PublishEvent& event : command.publish) publish(event.channel, event.type, event.data);
  if (command.id.empty() || (behaviour_.misdeed == Misdeed::kDropAck && misbehave())) return;
  const protocol::Published published{.channel = command.publish[0].channel, .offset = 1, .epoch = "e"};
  protocol::append_reply(reply, command.id, kTime, protocol::PublishedAll{.events = {&published, 1}});
  append_frame(reply, peer.out);
}

void FakeServer::publish(std::string_view channel, std::string_view type, std::string_view data) {
  if (behaviour_.misdeed == Misdeed::kIgnorePublish) return;
  const std::uint64_t offset = ++offsets_[std::string(channel)];
  const std::string message =
      fmt::format(R"({{"type":"{}","channel":"{}","offset":{},"timestamp":"{}","data":{}}})", type, channel,
                  offset, kTime, data);
  for (const auto& peer : peers_) {
    if (std::find(peer->channels.begin(), peer->channels.end(), channel) != peer->channels.end()) {
      deliver(*peer, message);
    }
  }
}

void FakeServer::deliver(Peer& peer, std::string message) {
  if (!peer.held.empty()) {
    append_frame(message, peer.out);
    append_frame(peer.held, peer.out);
    peer.held.clear();
    misdeeds_.fetch_add(1);
    return;
  }
  if (behaviour_.misdeed == Misdeed::kDropAck || !misbehave()) return append_frame(message, peer.out);
  switch (behaviour_.misdeed) {
    case Misdeed::kDrop:
      return;
    case Misdeed::kRepeat:
      append_frame(message, peer.out);
      return append_frame(message, peer.out);
    case Misdeed::kSwap:
      misdeeds_.fetch_sub(1);  // done when the next one has passed it
      peer.held = std::move(message);
      return;
    case Misdeed::kDamage:
      message[message.size() - kAfterStamp.size() - 20] ^= 1;
      return append_frame(message, peer.out);
    case Misdeed::kHangUp:
      peer.gone = true;
      return;
    default:
      return append_frame(message, peer.out);
  }
}

// Nothing has passed it, so it comes in order after all.
void FakeServer::release_held() {
  for (const auto& peer : peers_) {
    if (!peer->held.empty()) append_frame(peer->held, peer->out);
    peer->held.clear();
  }
}

// Whether this delivery is one to go wrong.
bool FakeServer::misbehave() {
  if (behaviour_.misdeed == Misdeed::kNone) return false;
  if (++chances_ <= behaviour_.spare || chances_ % behaviour_.every != 0) return false;
  if (misdeeds_.load() >= behaviour_.most) return false;
  misdeeds_.fetch_add(1);
  return true;
}

void FakeServer::flush(Peer& peer) {
  if (peer.out.empty()) return;
  const ssize_t sent = send(peer.socket.get(), peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
  if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
}

}  // namespace wskit::bench
