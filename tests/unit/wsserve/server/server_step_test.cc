#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "wsserve/server/server.h"

namespace wskit::server {
namespace {

TEST(ServerStepTest, WhoLeadsTheLoopHimselfIsServedOverTheSocketThatHeGives) {
  Server server({}, 1, {});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  const OwnedFd client(ends[0]);
  server.take_in(OwnedFd(ends[1]), PeerAddress());
  constexpr std::string_view kRequest =
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::send(client.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(kRequest.size()));
  // It is taken in, then it is read, then that it has ended is.
  for (int turns = 0; turns < 2 || server.step(); ++turns) server.step();
  std::array<char, 1024> answer{};
  ASSERT_GT(::recv(client.get(), answer.data(), answer.size(), 0), 0);
  EXPECT_TRUE(std::string_view(answer.data()).starts_with("HTTP/1.1 200 OK\r\n")) << answer.data();
  EXPECT_FALSE(server.drained());
  EXPECT_EQ(::recv(client.get(), answer.data(), answer.size(), 0), 0) << "the server has said all";
  ::shutdown(client.get(), SHUT_WR);
  server.step();
  EXPECT_TRUE(server.drained());
}

}  // namespace
}  // namespace wskit::server
