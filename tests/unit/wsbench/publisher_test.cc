#include "wsbench/publisher.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <thread>

#include "wsbench/socket.h"

namespace wskit::bench {
namespace {

constexpr std::uint32_t kWindow = 4;

// A publisher whose events all arrive, pumped without a pause by a thread of its own.
class BusyPublisher {
 public:
  BusyPublisher()
      : adapter_(make_native_adapter("/ws")),
        publisher_(PublisherPlan{.topology = kTopology, .window = kWindow},
                   adapter_->encoder({.topology = kTopology, .delivered_bytes = 0, .acknowledged = false})) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    near_ = Descriptor(ends[0]);
    far_ = Descriptor(ends[1]);
    publisher_.attach(near_.get());
    publisher_.start(std::nullopt);
    thread_ = std::thread([this] { run(); });
  }
  ~BusyPublisher() {
    done_.store(true);
    thread_.join();
  }
  BusyPublisher(const BusyPublisher&) = delete;
  BusyPublisher& operator=(const BusyPublisher&) = delete;

  Publisher& operator*() { return publisher_; }

  // Returns after pumps that began after the call.
  void pump_more() {
    const std::uint64_t enough = pumps_.load() + 3;
    while (pumps_.load() < enough) std::this_thread::yield();
  }

 private:
  static constexpr Topology kTopology{.publishers = 1, .channels = 1, .subscribers = 1};

  void run() {
    Histogram lag;
    std::uint64_t arrived = 0;
    std::array<char, 4096> sink{};
    while (!done_.load()) {
      publisher_.pump(lag);
      while (recv(far_.get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
      }
      for (; arrived < publisher_.sent(); ++arrived) publisher_.received(arrived, 1);
      pumps_.fetch_add(1);
    }
  }

  std::unique_ptr<Adapter> adapter_;
  Publisher publisher_;
  Descriptor near_;
  Descriptor far_;
  std::atomic<std::uint64_t> pumps_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST(PublisherTest, HasSentItsLastEventWhenItIsStopped) {
  for (int round = 0; round < 100; ++round) {
    BusyPublisher busy;
    busy.pump_more();
    (*busy).stop();
    const std::uint64_t sent = (*busy).sent();
    busy.pump_more();
    ASSERT_EQ((*busy).sent(), sent) << "in round " << round;
    ASSERT_GT(sent, 0U);
  }
}

}  // namespace
}  // namespace wskit::bench
