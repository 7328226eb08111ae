// The target's end of a connection to what it fuzzes.
//
// Threads: one.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace wskit::fuzz {

class SocketEnd {
 public:
  // `fd`: a connected non-blocking stream socket, which is this one's from here on.
  explicit SocketEnd(int fd) : fd_(fd) {}
  ~SocketEnd() {
    if (fd_ >= 0) ::close(fd_);
  }
  SocketEnd(const SocketEnd&) = delete;
  SocketEnd& operator=(const SocketEnd&) = delete;

  // Sent by write(), as far as the socket takes it.
  void say(std::string_view bytes) { unsent_ += bytes; }
  // Whether anything was sent.
  bool write() {
    if (unsent_.empty()) return false;
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return false;
    unsent_.erase(0, sent < 0 ? unsent_.size() : static_cast<std::size_t>(sent));
    return true;
  }
  // Whether anything came, or has come to an end.
  bool read() {
    std::array<char, 16'384> buffer;
    bool heard = false;
    while (!ended_) {
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EAGAIN) break;
      heard = true;
      ended_ = count <= 0;
      if (count > 0) heard_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return heard;
  }
  // Nothing more is said.
  void finish() { ::shutdown(fd_, SHUT_WR); }
  void hang_up() { ::close(std::exchange(fd_, -1)); }

  // All that has come.
  [[nodiscard]] const std::string& heard() const { return heard_; }
  // The other side has gone.
  [[nodiscard]] bool ended() const { return ended_; }

 protected:
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  std::string unsent_;
  std::string heard_;
  bool ended_ = false;
};

}  // namespace wskit::fuzz
