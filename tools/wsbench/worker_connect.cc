// How a worker opens its connections: TCP, TLS, upgrade, subscription, each timed.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/text.h"
#include "wsbench/worker.h"

namespace wskit::bench {
namespace {

// The header's name is matched in any case, its value as it stands.
bool has_header(std::string_view head, std::string_view name, std::string_view value) {
  const auto lower = [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  };
  const auto same = [&](char left, char right) { return lower(left) == lower(right); };
  const auto found = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
  if (found == head.end()) return false;
  std::string_view rest = head.substr(static_cast<std::size_t>(found - head.begin()) + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(kFieldWhiteSpace), rest.size()));
  return rest.starts_with(value);
}

}  // namespace

void Worker::begin_connections() {
  while (begun_ < connections_.size() && in_progress_ < context_.connect.in_progress) {
    if (context_.connect.per_second > 0) {
      const double due = static_cast<double>(begun_) / context_.connect.per_second * 1e9;
      if (static_cast<double>(now() - connecting_since_) < due) return;
    }
    Connection& connection = connections_[begun_++];
    ++in_progress_;
    connection.began = connection.step_began = now();
    const int fd = begin_connect(context_.connect.endpoint, connection.number);
    if (fd < 0) {
      fail_connection(connection, Failure::Kind::kUnreachable, std::generic_category().message(-fd));
      continue;
    }
    connection.fd = fd;
    connection.state = State::kConnecting;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &connection;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
}

int Worker::wait_milliseconds() const {
  return begun_ < connections_.size() && context_.connect.per_second > 0 ? 1 : -1;
}

void Worker::on_connected(Connection& connection) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    std::string reason = std::generic_category().message(error);
    if (error == ECONNREFUSED) reason += " (is the server running, and is this its port?)";
    return fail_connection(connection, Failure::Kind::kUnreachable, reason);
  }
  const Nanos connected = now();
  results_.tcp.record(connected - connection.began);
  connection.step_began = connected;
  if (connection.publishes) set_no_delay(connection.fd);
  if (context_.connect.tls.context == nullptr) return request_upgrade(connection);
  connection.state = State::kHandshaking;
  connection.tls = std::make_unique<SecureSocket>(connection.fd, context_.connect.tls);
  if (connection.tls->begin_handshake()) return;
  fail_connection(connection, Failure::Kind::kUnreachable, std::generic_category().message(errno));
}

void Worker::on_established(Connection& connection) {
  const Nanos established = now();
  results_.tls.record(established - connection.step_began);
  connection.step_began = established;
  request_upgrade(connection);
}

// The server ended the connection, or it broke: with TLS 1.3 it is only now that a
// server refuses a client's certificate.
void Worker::on_tls_end(Connection& connection, int error) {
  if (error != 0 && error != EPROTO)
    return close_connection(connection, std::generic_category().message(error));
  const SecureSocket::Problem problem = connection.tls->problem();
  if (connection.state == State::kOpen) return close_connection(connection, problem.message);
  const bool asked = connection.state != State::kHandshaking;
  fail_connection(connection,
                  asked || problem.refused ? Failure::Kind::kRefused : Failure::Kind::kUnreachable,
                  problem.message);
}

ssize_t Worker::receive_some(Connection& connection, std::span<char> room) {
  if (connection.tls != nullptr) return connection.tls->receive(room);
  return recv(connection.fd, room.data(), room.size(), 0);
}

bool Worker::send_whole(Connection& connection, std::string_view bytes) {
  const ssize_t sent = connection.tls != nullptr
                           ? connection.tls->send(bytes)
                           : send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(bytes.size());
}

void Worker::request_upgrade(Connection& connection) {
  connection.state = State::kUpgrading;
  const Adapter& adapter = *context_.adapter;
  const std::string target = connection.publishes         ? adapter.publisher_target()
                             : context_.connect.subscribe ? adapter.subscriber_target(connection.channel)
                                                          : adapter.subscriber_target(std::nullopt);
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + context_.connect.host +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
                        "Sec-WebSocket-Key: " + context_.connect.key + "\r\n" + context_.connect.headers +
                        "\r\n";
  if (!send_whole(connection, request)) {
    fail_connection(connection, Failure::Kind::kUnreachable, "the upgrade request could not be written");
  }
}

// Takes a whole response off `bytes`; false while it is not, or if it is no upgrade.
bool Worker::on_response(Connection& connection, std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string_view head = bytes.substr(0, end + 2);
  const std::string_view status = head.substr(0, head.find("\r\n"));
  if (!status.starts_with("HTTP/1.1 101")) {
    const bool wants_token = status.starts_with("HTTP/1.1 401");
    fail_connection(
        connection, Failure::Kind::kRefused,
        "the server refused the upgrade: " + std::string(status) + (wants_token ? kTokenHint : ""));
    return false;
  }
  if (!has_header(head, "\r\nsec-websocket-accept:", context_.connect.accept)) {
    fail_connection(connection, Failure::Kind::kRefused, "the server's Sec-WebSocket-Accept is wrong");
    return false;
  }
  bytes.remove_prefix(end + 4);
  const Nanos upgraded = now();
  results_.upgrade.record(upgraded - connection.step_began);
  connection.step_began = upgraded;
  subscribe(connection);
  return connection.state != State::kClosed;
}

void Worker::subscribe(Connection& connection) {
  connection.state = State::kSubscribing;
  const std::string command = connection.publishes || !context_.connect.subscribe
                                  ? std::string()
                                  : context_.adapter->subscribe_command(connection.channel);
  if (command.empty()) return become_open(connection);
  send_frame(connection, websocket::Opcode::kText, command);
}

void Worker::become_open(Connection& connection) {
  const Nanos opened = now();
  if (!connection.publishes && context_.connect.subscribe) {
    results_.subscribe.record(opened - connection.step_began);
  }
  results_.total.record(opened - connection.began);
  connection.state = State::kOpen;
  --in_progress_;
  if (connection.publishes)
    context_.publishers[connection.index]->attach(connection.fd, connection.tls.get());
  counters_.open.fetch_add(1);
}

void Worker::fail_connection(Connection& connection, Failure::Kind kind, const std::string& reason) {
  if (connection.fd >= 0) close_hard(connection.fd);
  connection.fd = -1;
  connection.state = State::kClosed;
  connection.unread.clear();
  --in_progress_;
  counters_.failed.fetch_add(1);
  const std::string_view what = kind == Failure::Kind::kUnreachable ? "cannot connect to" : "connecting to";
  context_.fail(kind, std::string(what) + " " + context_.connect.host + ": " + reason);
}

}  // namespace wskit::bench
