#include "wsserve/server/service_manager.h"
#include "support/scratch_folder.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <future>
#include <string>

namespace wskit::server {
namespace {

using namespace std::chrono_literals;

// A manager that has been told so much that its queue is full.
class BusyManagerTest : public testing::Test {
 protected:
  BusyManagerTest() {
    const std::string path = scratch_.path() / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(manager_, generic, sizeof(address)), 0);
    EXPECT_EQ(::connect(other_, generic, sizeof(address)), 0);
    while (::send(other_, "STATUS=x", 8, MSG_DONTWAIT) == 8) ++queued_;
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~BusyManagerTest() override {
    unsetenv("NOTIFY_SOCKET");
    ::close(other_);
    ::close(manager_);
  }

  // What it is told next; empty: nothing more.
  [[nodiscard]] std::string read() const {
    std::array<char, 256> text{};
    const ssize_t size = ::recv(manager_, text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  void read_what_was_queued() const {
    for (int i = 0; i < queued_; ++i) EXPECT_EQ(read(), "STATUS=x");
  }

 private:
  const test::ScratchFolder scratch_;
  const int manager_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int other_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int queued_ = 0;
};

TEST_F(BusyManagerTest, IsWaitedForWithAState) {
  const auto told = std::async(std::launch::async, [] { service_manager::notify("READY=1"); });
  EXPECT_EQ(told.wait_for(100ms), std::future_status::timeout);
  read_what_was_queued();
  told.wait();
  EXPECT_EQ(read(), "READY=1");
}

TEST_F(BusyManagerTest, IsNotWaitedForToFeedItsWatchdog) {
  service_manager::feed_watchdog();
  read_what_was_queued();
  EXPECT_EQ(read(), "");
}

}  // namespace
}  // namespace wskit::server
