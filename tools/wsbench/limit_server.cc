#include "wsbench/limit_server.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "wsbench/limit_wire.h"

namespace wskit::bench {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::uint32_t kNoChannel = UINT32_MAX;

// What most connections never need.
struct Rest {
  std::string unread;   // a request or frame that has begun
  std::string unsent;   // what the socket did not take
  std::string replies;  // of this turn
};

struct Connection {
  explicit Connection(int fd) : socket(fd) {}

  Descriptor socket;
  bool open = false;     // upgraded
  bool retired = false;  // to be closed at the end of the turn
  std::uint32_t channel = kNoChannel;
  std::uint32_t position = 0;  // among the channel's subscribers
  std::unique_ptr<Rest> rest;

  Rest& needs_rest() {
    if (!rest) rest = std::make_unique<Rest>();
    return *rest;
  }
};

struct Channel {
  std::vector<Connection*> subscribers;
  std::string run;
};

std::system_error failure(const char* what) { return {errno, std::generic_category(), what}; }

}  // namespace

class LimitServer::Loop {
 public:
  Loop(int listener, int wake, std::string_view accept)
      : listener_(listener), wake_(wake), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes) {
    if (!epoll_) throw failure("epoll_create1");
    response_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    response_.append("Sec-WebSocket-Accept: ").append(accept).append("\r\n\r\n");
    watch(listener_, EPOLLIN, &listener_mark_);
    watch(wake_, EPOLLIN, &wake_mark_);
  }

  void run() {
    std::array<epoll_event, 512> events{};
    while (!stopped_) {
      const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int at = 0; at < ready; ++at) {
        const epoll_event& event = events[static_cast<std::size_t>(at)];
        if (event.data.ptr == &wake_mark_) {
          stopped_ = true;
        } else if (event.data.ptr == &listener_mark_) {
          accept_all();
        } else {
          serve(*static_cast<Connection*>(event.data.ptr), event.events);
        }
      }
      flush();
      bury();
    }
  }

 private:
  void watch(int fd, std::uint32_t events, void* mark) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = mark;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw failure("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const auto index = static_cast<std::size_t>(fd);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = std::make_unique<Connection>(fd);
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, connections_[index].get());
    }
  }

  void serve(Connection& connection, std::uint32_t events) {
    if (connection.retired) return;
    if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) return retire(connection);
    if ((events & EPOLLOUT) != 0 && connection.rest && !connection.rest->unsent.empty()) resume(connection);
    if ((events & EPOLLIN) != 0) receive(connection);
  }

  void receive(Connection& connection) {
    for (;;) {
      std::size_t begun = 0;
      if (connection.rest && !connection.rest->unread.empty()) {
        begun = connection.rest->unread.size();
        if (begun >= buffer_.size()) buffer_.resize(begun * 2);
        std::memcpy(buffer_.data(), connection.rest->unread.data(), begun);
        connection.rest->unread.clear();
      }
      const std::size_t room = buffer_.size() - begun;
      const ssize_t got = recv(connection.socket.get(), buffer_.data() + begun, room, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return retire(connection);
      const std::size_t have = begun + (got > 0 ? static_cast<std::size_t>(got) : 0);
      std::string_view bytes(buffer_.data(), have);
      if (!connection.open) upgrade(connection, bytes);
      if (connection.open) take_orders(connection, bytes);
      if (!bytes.empty()) connection.needs_rest().unread = bytes;
      if (got < 0 || static_cast<std::size_t>(got) < room) return;
    }
  }

  // Answers the request if it is whole and takes it off `bytes`.
  void upgrade(Connection& connection, std::string_view& bytes) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    const std::size_t path = bytes.find(kLimitSubscribePath);
    std::uint32_t channel = kNoChannel;
    if (path < bytes.find("\r\n")) {
      const char* number = bytes.data() + path + kLimitSubscribePath.size();
      if (std::from_chars(number, bytes.data() + end, channel).ec != std::errc{}) channel = kNoChannel;
    }
    bytes.remove_prefix(end + 4);
    connection.open = true;
    if (channel != kNoChannel) subscribe(connection, channel);
    send_or_keep(connection, response_);
  }

  void subscribe(Connection& connection, std::uint32_t channel) {
    if (channels_.size() <= channel) channels_.resize(channel + 1);
    std::vector<Connection*>& subscribers = channels_[channel].subscribers;
    connection.channel = channel;
    connection.position = static_cast<std::uint32_t>(subscribers.size());
    subscribers.push_back(&connection);
  }

  // Takes the whole frames off `bytes`.
  void take_orders(Connection& connection, std::string_view& bytes) {
    while (bytes.size() >= 6) {
      std::uint64_t length = static_cast<std::uint8_t>(bytes[1]) & 0x7fU;
      std::size_t header = 6;
      if (length == 126) {
        std::uint16_t wide = 0;
        std::memcpy(&wide, bytes.data() + 2, sizeof wide);
        length = __builtin_bswap16(wide);
        header = 8;
      } else if (length == 127) {
        if (bytes.size() < 14) return;
        std::memcpy(&length, bytes.data() + 2, sizeof length);
        length = __builtin_bswap64(length);
        header = 14;
      }
      if (bytes.size() < header + length) return;
      if (length >= sizeof(LimitOrder)) take(connection, bytes.substr(header, length));
      bytes.remove_prefix(header + length);
    }
  }

  void take(Connection& connection, std::string_view payload) {
    LimitOrder order;
    std::memcpy(&order, payload.data(), sizeof order);
    payload.remove_prefix(sizeof order);
    if (order.ack_bytes != 0) {
      Rest& rest = connection.needs_rest();
      if (rest.replies.empty()) answered_.push_back(&connection);
      rest.replies.append(payload.substr(0, order.ack_bytes));
      payload.remove_prefix(order.ack_bytes);
    }
    if (order.channel >= channels_.size() || channels_[order.channel].subscribers.empty()) return;
    Channel& channel = channels_[order.channel];
    if (channel.run.empty()) dirty_.push_back(order.channel);
    channel.run.append(payload);
  }

  void flush() {
    for (const std::uint32_t index : dirty_) {
      Channel& channel = channels_[index];
      // By position: a connection that breaks leaves the list at the end of the turn.
      for (Connection* subscriber : channel.subscribers) send_or_keep(*subscriber, channel.run);
      channel.run.clear();
    }
    dirty_.clear();
    for (Connection* connection : answered_) {
      send_or_keep(*connection, connection->rest->replies);
      connection->rest->replies.clear();
    }
    answered_.clear();
  }

  void send_or_keep(Connection& connection, std::string_view bytes) {
    if (connection.rest && !connection.rest->unsent.empty()) {
      connection.rest->unsent.append(bytes);
      return;
    }
    const ssize_t sent = send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(bytes.size())) [[likely]]
      return;
    if (sent < 0 && errno != EAGAIN) return;  // the loop hears of it
    connection.needs_rest().unsent.append(bytes.substr(sent > 0 ? static_cast<std::size_t>(sent) : 0));
  }

  void resume(Connection& connection) {
    std::string& unsent = connection.rest->unsent;
    const ssize_t sent = send(connection.socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) unsent.erase(0, static_cast<std::size_t>(sent));
  }

  // Goes at the end of the turn: its channel may be in the middle of a flush.
  void retire(Connection& connection) {
    connection.retired = true;
    retired_.push_back(static_cast<std::size_t>(connection.socket.get()));
  }

  void bury() {
    for (const std::size_t index : retired_) {
      const Connection& connection = *connections_[index];
      if (connection.channel != kNoChannel) {
        std::vector<Connection*>& subscribers = channels_[connection.channel].subscribers;
        subscribers.back()->position = connection.position;
        subscribers[connection.position] = subscribers.back();
        subscribers.pop_back();
      }
      connections_[index].reset();
    }
    retired_.clear();
  }

  int listener_;
  int wake_;
  Descriptor epoll_;
  std::vector<char> buffer_;
  std::string response_;
  char listener_mark_ = 0;
  char wake_mark_ = 0;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::vector<Channel> channels_;
  std::vector<std::uint32_t> dirty_;
  std::vector<Connection*> answered_;
  std::vector<std::size_t> retired_;  // descriptors
};

LimitServer::LimitServer(std::string accept)
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!listener_ || !wake_) throw failure("socket");
  set_no_delay(listener_.get());  // accepted sockets inherit it
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), generic, length) != 0 || listen(listener_.get(), SOMAXCONN) != 0 ||
      getsockname(listener_.get(), generic, &length) != 0) {
    throw failure("listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  loop_ = std::make_unique<Loop>(listener_.get(), wake_.get(), accept);
}

LimitServer::~LimitServer() = default;

void LimitServer::run() { loop_->run(); }

void LimitServer::stop() {
  const std::uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) != sizeof one) return;  // it is awake already
}

}  // namespace wskit::bench
