// A listening socket: TCP or unix, given out to the shards in turn.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "wsserve/limits/peer_address.h"
#include "wsserve/loop/poller.h"

namespace wskit::server {

// Where to listen: `HOST:PORT` (`[::1]:9000`, `:0`, `9000`) or `unix:PATH`.
struct ListenAddress {
  std::string host;  // empty: 127.0.0.1
  std::string port;
  std::string unix_path;  // not empty: a unix socket
};

// Nothing usable: `error` says what is wrong and what would be right.
struct ParsedAddress {
  ListenAddress address;
  std::string error;
};
[[nodiscard]] ParsedAddress parse_listen_address(std::string_view text);

// Threads: made and destroyed by the main thread, accepts on a shard's.
class Listener final : public Pollable {
 public:
  // What url() calls it. A unix socket is always plain.
  enum class Scheme : std::uint8_t { kPlain, kTls };

  // Binds and listens. Throws std::system_error whose what() names the address.
  // `remote` is set if others than this machine can reach it.
  explicit Listener(const ListenAddress& address, Scheme scheme = Scheme::kPlain);
  // Takes over a socket that listens already and that somebody else has named: its
  // file, if it has one, stays when the listener is closed. Throws
  // std::runtime_error if it is none of the two kinds.
  Listener(int fd, Scheme scheme);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // What stands behind `accepted` is called with each new socket, from on_ready.
  void on_accept(std::function<void(int fd, const PeerAddress& peer)> accepted) {
    accepted_ = std::move(accepted);
  }
  // Called for each connection that had to be turned away for want of
  // descriptors.
  void on_refuse(std::function<void()> refused) { refused_ = std::move(refused); }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool remote() const { return remote_; }
  // ws://127.0.0.1:41234, wss://127.0.0.1:41234 or ws+unix:/run/wskit.sock
  [[nodiscard]] const std::string& url() const { return url_; }
  // Whether who connects to `address` comes here: it is this one, or this is every
  // address with that port.
  [[nodiscard]] bool covers(const ListenAddress& address) const;

  void on_ready(std::uint32_t events) override;
  void close();

 private:
  void listen_tcp(const ListenAddress& address, Scheme scheme);
  void listen_unix(const std::string& path);
  void describe_tcp(Scheme scheme);
  void turn_one_away();

  int fd_ = -1;
  int spare_fd_ = -1;  // given up for a moment when no descriptors are left
  bool tcp_ = true;
  bool remote_ = false;
  std::string url_;
  std::string unix_path_;
  std::function<void(int, const PeerAddress&)> accepted_;
  std::function<void()> refused_;
};

}  // namespace wskit::server
