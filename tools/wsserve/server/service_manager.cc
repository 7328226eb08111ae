#include "wsserve/server/service_manager.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <string>

namespace wskit::server::service_manager {
namespace {

constexpr int kFirstSocket = 3;
constexpr int kMostSockets = 64;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread sets one
  return value == nullptr ? std::string_view() : value;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whether what the variable says is meant for this process and not for its parent.
bool is_for_us(const char* name) { return number<pid_t>(variable(name)) == ::getpid(); }

// So long for a manager whose queue is full.
constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};

enum class Full : bool { kWait, kGiveUp };

void send(std::string_view state, Full full) {
  const std::string_view path = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path.size() < 2 || path.size() > sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  if (path[0] == '@') address.sun_path[0] = '\0';  // a name in the kernel, not in the file system
  const int fd =
      ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | (full == Full::kGiveUp ? SOCK_NONBLOCK : 0), 0);
  if (fd < 0) return;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  // Nobody is there to be told of a failure.
  [[maybe_unused]] const ssize_t sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

}  // namespace

std::vector<int> take_sockets() {
  std::vector<int> sockets;
  const int count = number<int>(variable("LISTEN_FDS")).value_or(0);
  if (is_for_us("LISTEN_PID")) {
    for (int fd = kFirstSocket; fd < kFirstSocket + std::clamp(count, 0, kMostSockets); ++fd) {
      if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.push_back(fd);
    }
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread is started
  }
  return sockets;
}

void notify(std::string_view state) { send(state, Full::kWait); }

void feed_watchdog() { send("WATCHDOG=1", Full::kGiveUp); }

void notify_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  if (!variable("WATCHDOG_PID").empty() && !is_for_us("WATCHDOG_PID")) return std::nullopt;
  const auto interval = number<std::int64_t>(variable("WATCHDOG_USEC"));
  if (!interval || *interval <= 0) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

}  // namespace wskit::server::service_manager
