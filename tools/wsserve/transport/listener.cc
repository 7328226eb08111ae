#include "wsserve/transport/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

namespace wskit::server {
namespace {

constexpr int kBacklog = 4096;
// Connections taken in one turn; the rest waits in the kernel.
constexpr int kAcceptsPerTurn = 128;
constexpr std::string_view kUnixPrefix = "unix:";

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

[[noreturn]] void fail_to_listen(int error, const std::string& where) {
  const char* remedy = "";
  if (error == EADDRINUSE) remedy = " (is another server running there? --listen :0 picks a free port)";
  if (error == EADDRNOTAVAIL) remedy = " (it is no address of this machine)";
  if (error == EACCES) remedy = " (it takes a privilege: a port from 1024 on does not)";
  fail(error, "cannot listen on " + where + remedy);
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port <= 65535;
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof(in));
    return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, address, sizeof(in6));
  return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) != 0;
}

bool is_socket(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

std::string address_of(const sockaddr_storage& storage, socklen_t size) {
  const auto* address = reinterpret_cast<const sockaddr*>(&storage);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
  const bool ipv6 = storage.ss_family == AF_INET6;
  return std::string(ipv6 ? "[" : "") + host.data() + (ipv6 ? "]:" : ":") + port.data();
}

}  // namespace

ParsedAddress parse_listen_address(std::string_view text) {
  ParsedAddress parsed;
  if (text.starts_with(kUnixPrefix)) {
    parsed.address.unix_path = text.substr(kUnixPrefix.size());
    if (parsed.address.unix_path.empty() ||
        parsed.address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
      parsed.error = fmt::format("'{}': the path of a unix socket has 1 to 107 bytes", text);
    }
    return parsed;
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    parsed.error = fmt::format("'{}': write an IPv6 address in brackets, as in [::1]:9000", text);
  }
  if (parsed.error.empty() && !is_port(port)) {
    parsed.error = fmt::format("'{}': no HOST:PORT with a port from 0 to 65535, nor unix:PATH", text);
  }
  parsed.address.host = host;
  parsed.address.port = port;
  return parsed;
}

Listener::Listener(const ListenAddress& address, Scheme scheme) {
  if (address.unix_path.empty()) {
    listen_tcp(address, scheme);
  } else {
    listen_unix(address.unix_path);
  }
  spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Listener::Listener(int fd, Scheme scheme) {
  int listens = 0;
  int domain = 0;
  socklen_t size = sizeof(int);
  ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (listens == 0 || (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)) {
    throw std::runtime_error(
        fmt::format("descriptor {} was handed over as a socket to listen on, and is none: the .socket unit "
                    "needs ListenStream=, and Accept=no",
                    fd));
  }
  fd_ = fd;
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  tcp_ = domain != AF_UNIX;
  if (tcp_) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    describe_tcp(scheme);
  } else {
    sockaddr_un address{};
    size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "ws+unix:" + std::string(static_cast<const char*>(address.sun_path));
  }
  spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Listener::~Listener() {
  close();
  ::close(spare_fd_);
}

bool Listener::covers(const ListenAddress& address) const {
  if (!address.unix_path.empty()) return url_ == "ws+unix:" + address.unix_path;
  const bool ipv6 = address.host.find(':') != std::string::npos;
  const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
  const std::string_view here = std::string_view(url_).substr(url_.find("://") + 3);
  if (here == (ipv6 ? '[' + host + ']' : host) + ':' + address.port) return true;
  if (here == "0.0.0.0:" + address.port) return !ipv6;
  if (here != "[::]:" + address.port) return false;
  int only_ipv6 = 0;
  socklen_t size = sizeof(only_ipv6);
  ::getsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, &size);
  return ipv6 || only_ipv6 == 0;
}

void Listener::listen_tcp(const ListenAddress& address, Scheme scheme) {
  const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
  const std::string name = host + ":" + address.port;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), address.port.c_str(), &hints, &found); error != 0) {
    throw std::runtime_error("cannot listen on " + name + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  fd_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail(errno, "cannot listen on " + name);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Inherited by every accepted socket.
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::bind(fd_, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd_, kBacklog) != 0) {
    const int error = errno;
    close();
    fail_to_listen(error, name);
  }
  describe_tcp(scheme);
}

void Listener::describe_tcp(Scheme scheme) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size) != 0) fail(errno, "getsockname");
  remote_ = !is_loopback(reinterpret_cast<const sockaddr*>(&storage));
  url_ = (scheme == Scheme::kTls ? "wss://" : "ws://") + address_of(storage, size);
}

void Listener::listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail(errno, "cannot listen on " + path);
  // A socket that nobody answers on was left behind by a server that was killed.
  // Any other file refuses a connection too, and is not ours to remove.
  if (::connect(fd_, generic, sizeof(address)) != 0 && errno == ECONNREFUSED && is_socket(path)) {
    ::unlink(path.c_str());
  }
  ::close(fd_);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || ::bind(fd_, generic, sizeof(address)) != 0 || ::listen(fd_, kBacklog) != 0) {
    const int error = errno;
    close();
    fail(error, "cannot listen on unix:" + path);
  }
  tcp_ = false;
  unix_path_ = path;
  url_ = "ws+unix:" + path;
}

void Listener::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  unix_path_.clear();
}

void Listener::on_ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    auto* peer = reinterpret_cast<sockaddr*>(&storage);
    const int fd = ::accept4(fd_, peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd, PeerAddress::from(peer));
    } else if (errno == EMFILE || errno == ENFILE) {
      return turn_one_away();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

// Without a descriptor the connection would stay in the backlog and the loop
// would spin on it.
void Listener::turn_one_away() {
  ::close(spare_fd_);
  if (const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0) ::close(fd);
  spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  refused_();
}

}  // namespace wskit::server
