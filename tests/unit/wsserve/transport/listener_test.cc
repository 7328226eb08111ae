#include "wsserve/transport/listener.h"
#include "support/scratch_folder.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace wskit::server {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

// "host|port|path", or "error".
std::string parsed(std::string_view text) {
  const ParsedAddress address = parse_listen_address(text);
  if (!address.error.empty()) return "error";
  return address.address.host + "|" + address.address.port + "|" + address.address.unix_path;
}

TEST(ListenAddressTest, ReadsHostsAndPorts) {
  EXPECT_EQ(parsed("127.0.0.1:9000"), "127.0.0.1|9000|");
  EXPECT_EQ(parsed("localhost:0"), "localhost|0|");
  EXPECT_EQ(parsed(":0"), "|0|");
  EXPECT_EQ(parsed("9000"), "|9000|");
  EXPECT_EQ(parsed("[::1]:65535"), "::1|65535|");
}

TEST(ListenAddressTest, ReadsPathsOfUnixSockets) {
  EXPECT_EQ(parsed("unix:/run/wskit.sock"), "||/run/wskit.sock");
  EXPECT_EQ(parsed("unix:a:9000"), "||a:9000");
  EXPECT_EQ(parsed("unix:" + std::string(107, 'p')), "||" + std::string(107, 'p'));
}

TEST(ListenAddressTest, RefusesWhatIsNeither) {
  for (const char* bad : {"", ":", "host", "host:", "host:port", "host:65536", "host:-1", "host:+1",
                          "host: 1", "::1:9000", "[::1]", "[::1", "unix:", "127.0.0.1"}) {
    EXPECT_EQ(parsed(bad), "error") << bad;
  }
  EXPECT_EQ(parsed("unix:" + std::string(108, 'p')), "error");
}

TEST(ListenAddressTest, SaysWhatWasTypedAndWhatWouldBeRight) {
  EXPECT_THAT(parse_listen_address("host:port").error, HasSubstr("'host:port'"));
  EXPECT_THAT(parse_listen_address("::1:9000").error, HasSubstr("[::1]:9000"));
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(descriptors), end(descriptors)));
}

class ListenerTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return scratch_.path() / name; }

  static std::unique_ptr<Listener> listen(const std::string& text) {
    const ParsedAddress address = parse_listen_address(text);
    EXPECT_THAT(address.error, IsEmpty());
    return std::make_unique<Listener>(address.address);
  }

  static std::string failure(const std::string& text) {
    try {
      (void)listen(text);
      return "listens";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  // A socket in the file system; connected, if anybody listens.
  static int unix_socket(const std::string& path, bool bound) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const auto call = bound ? &::bind : &::connect;
    EXPECT_EQ(call(fd, generic, sizeof(address)), 0) << path;
    return fd;
  }

  static int connect_to(const std::string& url) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  const test::ScratchFolder scratch_;
};

TEST_F(ListenerTest, PicksAPortAndSaysWhich) {
  const auto listener = listen(":0");
  EXPECT_THAT(listener->url(), MatchesRegex("ws://127.0.0.1:[1-9][0-9]+"));
  EXPECT_FALSE(listener->remote());
}

TEST_F(ListenerTest, KnowsWhetherOthersCanReachIt) {
  EXPECT_TRUE(listen("0.0.0.0:0")->remote());
  EXPECT_FALSE(listen("127.8.9.10:0")->remote());
  EXPECT_FALSE(listen("unix:" + path("s"))->remote());
}

TEST_F(ListenerTest, NamesTheAddressThatIsInUse) {
  const auto first = listen(":0");
  const std::string address = first->url().substr(5);
  EXPECT_THAT(failure(address), HasSubstr(address));
  EXPECT_THAT(failure(address), HasSubstr("in use"));
}

TEST_F(ListenerTest, NamesTheHostThatThereIsNot) {
  EXPECT_THAT(failure("no.such.host.invalid:0"), HasSubstr("no.such.host.invalid"));
}

TEST_F(ListenerTest, HandsOutEveryConnectionThatWaits) {
  const auto listener = listen(":0");
  std::vector<int> accepted;
  listener->on_accept([&](int fd, const PeerAddress& peer) {
    accepted.push_back(fd);
    EXPECT_THAT(peer.to_string(), MatchesRegex("127.0.0.1:[1-9][0-9]+"));
  });
  std::vector<int> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_to(listener->url()));
  listener->on_ready(EPOLLIN);
  ASSERT_EQ(accepted.size(), 5U);
  for (const int fd : accepted) {
    int no_delay = 0;
    socklen_t size = sizeof(no_delay);
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_NE(no_delay, 0);
    ::close(fd);
  }
  for (const int fd : clients) ::close(fd);
}

TEST_F(ListenerTest, CoversItsOwnAddressAndWhereItIsEveryAddressAllWithThatPort) {
  const auto covers = [](const Listener& listener, const std::string& text) {
    return listener.covers(parse_listen_address(text).address);
  };
  const auto one = listen(":0");
  const std::string port = one->url().substr(one->url().rfind(':'));
  EXPECT_TRUE(covers(*one, port));
  EXPECT_TRUE(covers(*one, "127.0.0.1" + port));
  for (const std::string& other :
       {"127.0.0.2" + port, "[::1]" + port, std::string("127.0.0.1:0"), "unix:" + path("s")}) {
    EXPECT_FALSE(covers(*one, other)) << other;
  }
  const auto every = listen("0.0.0.0:0");
  const std::string their_port = every->url().substr(every->url().rfind(':'));
  EXPECT_TRUE(covers(*every, "127.0.0.1" + their_port));
  EXPECT_FALSE(covers(*every, "[::1]" + their_port));
  EXPECT_FALSE(covers(*every, "127.0.0.1" + port));
  const auto local = listen("unix:" + path("s"));
  EXPECT_TRUE(covers(*local, "unix:" + path("s")));
  EXPECT_FALSE(covers(*local, "unix:" + path("t")));
}

TEST_F(ListenerTest, AcceptsOnAUnixSocketAndRemovesItAtTheEnd) {
  const std::string where = path("s");
  {
    const auto listener = listen("unix:" + where);
    EXPECT_EQ(listener->url(), "ws+unix:" + where);
    int accepted = -1;
    listener->on_accept([&](int fd, const PeerAddress& peer) {
      accepted = fd;
      EXPECT_EQ(peer.to_string(), "unix");
    });
    const int client = unix_socket(where, false);
    listener->on_ready(EPOLLIN);
    EXPECT_GE(accepted, 0);
    ::close(accepted);
    ::close(client);
  }
  EXPECT_FALSE(std::filesystem::exists(where));
}

TEST_F(ListenerTest, TakesOverASocketThatAKilledServerLeft) {
  const std::string where = path("stale");
  ::close(unix_socket(where, true));
  ASSERT_TRUE(std::filesystem::exists(where));
  const auto listener = listen("unix:" + where);
  ::close(unix_socket(where, false));
}

TEST_F(ListenerTest, LeavesASocketAloneThatIsInUse) {
  const std::string where = path("used");
  const auto first = listen("unix:" + where);
  EXPECT_THAT(failure("unix:" + where), HasSubstr(where));
  ::close(unix_socket(where, false));
}

TEST_F(ListenerTest, RemovesNoFileThatIsNoSocket) {
  const std::string where = path("notes.txt");
  std::ofstream(where) << "do not lose me";
  EXPECT_THAT(failure("unix:" + where), HasSubstr(where));
  ASSERT_TRUE(std::filesystem::exists(where));
  EXPECT_EQ(std::filesystem::file_size(where), 14U);
}

TEST_F(ListenerTest, KeepsNoDescriptorOfAnAddressThatItCannotHave) {
  const auto first = listen(":0");
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5; ++i) {
    (void)failure(first->url().substr(5));
    (void)failure("unix:" + path("missing/directory"));
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace wskit::server
