// Sockets of a load generator: many from one process, from several loopback
// addresses, closed by reset so that no port stays behind in TIME_WAIT.
//
// Threads: pure functions over descriptors.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "common/client/url.h"

namespace wskit::bench {

// A descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// Where a server listens.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

// Looks the host up. Throws std::runtime_error that names it.
[[nodiscard]] Endpoint resolve(const client::Url& url);

// One loopback address has some 28,000 ports; a good part of them for each source.
inline constexpr std::size_t kConnectionsPerSource = 12'000;

// A non-blocking socket whose connection to `endpoint` has begun. Towards an IPv4
// loopback address, connection number n comes from 127.0.0.(1 + n / 12,000). A
// failure is a negative errno.
[[nodiscard]] int begin_connect(const Endpoint& endpoint, std::size_t number);

// Closes with a reset.
void close_hard(int fd);

void set_no_delay(int fd);

// Raises the limit of open files to the hard limit and returns it.
std::size_t raise_file_limit();

}  // namespace wskit::bench
