// Whole runs against a server in this process: a good one and all kinds of bad ones.
#include "wsbench/fanout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "common/websocket/handshake.h"
#include "fake_server.h"
#include "wsbench/connect.h"
#include "wsbench/limit_server.h"
#include "wsbench/verdict.h"

namespace wskit::bench {
namespace {

class PatientWatch final : public Watch {
 public:
  bool sleep_until(Nanos time) override {
    const timespec until = to_timespec(time);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    return true;
  }
};

FanoutPlan plan_of(Topology topology, std::optional<std::uint32_t> window) {
  FanoutPlan plan;
  plan.crew.topology = topology;
  plan.crew.window = window;
  plan.crew.threads = 2;
  plan.crew.acknowledged = topology.subscribers == 0;
  plan.crew.subscribe = !plan.crew.acknowledged;
  plan.rate = 500;
  plan.warm_up = 20 * kMillisecond;
  plan.duration = 200 * kMillisecond;
  plan.drain = 60 * kSecond;  // ends when all has come
  return plan;
}

// Where something never comes, the drain is waited for to its end.
FanoutPlan lossy_plan_of(Topology topology, std::optional<std::uint32_t> window) {
  FanoutPlan plan = plan_of(topology, window);
  plan.drain = 3 * kSecond;
  return plan;
}

RunResult run_native(const FanoutPlan& plan, const FakeServer& fake) {
  Server server;
  server.url = fake.url();
  server.adapter = make_native_adapter("/ws");
  PatientWatch watch;
  return run_fanout(plan, server, watch, {});
}

cli::ExitCode exit_code_of(const RunResult& result, bool allow_loss = false) {
  Settings settings;
  settings.allow_loss = allow_loss;
  Summary summary;
  summary.server = Contender{"server", {result}};
  return judge(settings, summary).code;
}

std::string faults_of(const RunResult& result) {
  const Faults& faults = result.faults;
  return std::to_string(faults.lost) + " " + std::to_string(faults.duplicate) + " " +
         std::to_string(faults.reordered) + " " + std::to_string(faults.corrupt);
}

double metric(const RunResult& result, std::string_view name) {
  return result.metrics.find(name).value_or(-1);
}

const Topology kSmall{.publishers = 2, .channels = 3, .subscribers = 10};

TEST(FanoutTest, AFaultlessServerPassesInAClosedLoop) {
  const FakeServer fake;
  const RunResult result = run_native(plan_of(kSmall, 8), fake);
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(faults_of(result), "0 0 0 0");
  EXPECT_GT(metric(result, "delivery.count"), 100);
  EXPECT_EQ(metric(result, "delivery.count"), metric(result, "delivery.expected"));
  EXPECT_EQ(metric(result, "delivery.reach"), 1);
  EXPECT_GT(metric(result, "delivery.service.count"), 0);
  EXPECT_EQ(metric(result, "delivery.latency.count"), -1);
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kOk);
}

TEST(FanoutTest, AFaultlessServerPassesInAnOpenLoop) {
  const FakeServer fake;
  FanoutPlan plan = plan_of(kSmall, std::nullopt);
  plan.warm_up = 0;
  const RunResult result = run_native(plan, fake);
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(faults_of(result), "0 0 0 0");
  // 500 events/s of 2 publishers for 0.2 s, each to a third of the subscribers: every
  // one that was due in that time is measured, and none twice.
  EXPECT_GE(metric(result, "delivery.latency.count"), 600);
  EXPECT_LE(metric(result, "delivery.latency.count"), 720);
  EXPECT_EQ(metric(result, "pub.target"), 1000);
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kOk);
}

TEST(FanoutTest, PublishersMayShareAChannel) {
  const FakeServer fake;
  const RunResult result = run_native(plan_of({.publishers = 5, .channels = 2, .subscribers = 3}, 4), fake);
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(faults_of(result), "0 0 0 0");
}

TEST(FanoutTest, WithoutSubscribersAcknowledgementsAreMeasured) {
  const FakeServer fake;
  const RunResult result = run_native(plan_of({.publishers = 2, .channels = 2, .subscribers = 0}, 16), fake);
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(faults_of(result), "0 0 0 0");
  EXPECT_GT(metric(result, "pub.ack_rate"), 0);
  EXPECT_GT(metric(result, "pub.ack.count"), 0);
}

TEST(FanoutTest, EveryDeliveryHasTheSizeThatWasAskedFor) {
  const FakeServer fake;
  for (const std::size_t bytes : {200U, 2048U, 70'000U}) {
    FanoutPlan plan = plan_of({.publishers = 1, .channels = 1, .subscribers = 2}, 4);
    plan.crew.delivered_bytes = bytes;
    const RunResult result = run_native(plan, FakeServer());
    EXPECT_NEAR(metric(result, "delivery.bytes"), static_cast<double>(bytes), 0.01);
    EXPECT_EQ(faults_of(result), "0 0 0 0");
  }
}

struct Bad {
  Misdeed misdeed;
  std::string_view name;
  std::string_view faults;  // lost, duplicate, reordered, corrupt for N misdeeds
};

class MisbehavingServerTest : public testing::TestWithParam<Bad> {};

TEST_P(MisbehavingServerTest, IsFoundOutWithTheRightCountAndExitCode) {
  for (const std::optional<std::uint32_t> window : {std::optional(8U), std::optional<std::uint32_t>()}) {
    const FakeServer fake({.misdeed = GetParam().misdeed, .every = 401, .spare = 60});
    const RunResult result = run_native(lossy_plan_of(kSmall, window), fake);
    ASSERT_FALSE(result.failure) << result.failure->message;
    ASSERT_GT(fake.misdeeds(), 0U);
    EXPECT_EQ(faults_of(result),
              fmt::format(fmt::runtime(GetParam().faults), fmt::arg("n", fake.misdeeds())));
    EXPECT_EQ(exit_code_of(result), cli::ExitCode::kIntegrity);
    EXPECT_EQ(exit_code_of(result, true), cli::ExitCode::kOk);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, MisbehavingServerTest,
                         testing::Values(Bad{Misdeed::kDrop, "Drops", "{n} 0 0 0"},
                                         Bad{Misdeed::kRepeat, "Repeats", "0 {n} 0 0"},
                                         Bad{Misdeed::kSwap, "Swaps", "0 0 {n} 0"},
                                         Bad{Misdeed::kDamage, "Damages", "{n} 0 0 {n}"}),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(FanoutTest, ALostAcknowledgementIsALoss) {
  const FakeServer fake({.misdeed = Misdeed::kDropAck, .every = 101, .spare = 10});
  const RunResult result =
      run_native(lossy_plan_of({.publishers = 1, .channels = 1, .subscribers = 0}, 16), fake);
  ASSERT_FALSE(result.failure) << result.failure->message;
  ASSERT_GT(fake.misdeeds(), 0U);
  EXPECT_EQ(result.faults.lost, fake.misdeeds());
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kIntegrity);
}

TEST(FanoutTest, AClosedLoopGoesOnAfterALossThatNothingFollows) {
  // With one event in flight, what follows a lost one waits for it.
  const FakeServer fake({.misdeed = Misdeed::kDrop, .every = 50, .most = 1, .spare = 20});
  FanoutPlan plan = plan_of({.publishers = 1, .channels = 1, .subscribers = 2}, 1);
  plan.drain = kSecond;
  plan.duration = 3 * kSecond;
  const RunResult result = run_native(plan, fake);
  EXPECT_EQ(faults_of(result), "1 0 0 0");
  EXPECT_GT(metric(result, "delivery.count"), 100);
}

TEST(FanoutTest, ARefusedUpgradeIsExitCode4) {
  const FakeServer fake({.misdeed = Misdeed::kRefuseUpgrade});
  const RunResult result = run_native(plan_of(kSmall, 8), fake);
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->message.find("403 Forbidden"), std::string::npos) << result.failure->message;
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kRefused);
}

TEST(FanoutTest, ARefusedSubscriptionIsExitCode4WithTheServersWords) {
  const FakeServer fake({.misdeed = Misdeed::kRefuseSubscribe});
  const RunResult result = run_native(plan_of(kSmall, 8), fake);
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->message.find("not for you"), std::string::npos) << result.failure->message;
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kRefused);
}

TEST(FanoutTest, AServerThatDeliversNothingIsExitCode4) {
  const FakeServer fake({.misdeed = Misdeed::kIgnorePublish});
  const RunResult result = run_native(plan_of({.publishers = 1, .channels = 1, .subscribers = 2}, 8), fake);
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->message.find("2 of 2 subscribers got no probe"), std::string::npos)
      << result.failure->message;
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kRefused);
}

TEST(FanoutTest, ALostConnectionIsExitCode6) {
  const FakeServer fake({.misdeed = Misdeed::kHangUp, .every = 50, .most = 1, .spare = 50});
  const RunResult result = run_native(plan_of(kSmall, 8), fake);
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kLost);
  EXPECT_EQ(metric(result, "conn.lost"), 1);
}

TEST(FanoutTest, NobodyListeningIsExitCode3) {
  client::Url url;
  {
    const FakeServer gone;
    url = gone.url();
  }
  Server server;
  server.url = url;
  server.adapter = make_native_adapter("/ws");
  PatientWatch watch;
  const RunResult result = run_fanout(plan_of(kSmall, 8), server, watch, {});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(exit_code_of(result), cli::ExitCode::kUnreachable);
}

TEST(FanoutTest, AnInterruptedRunReportsWhatWasMeasured) {
  // Ends the run once it has measured for a moment.
  struct ImpatientWatch final : Watch {
    bool sleep_until(Nanos time) override { return looks < 3 && PatientWatch().sleep_until(time); }
    int looks = 0;
  } watch;
  const FakeServer fake;
  Server server;
  server.url = fake.url();
  server.adapter = make_native_adapter("/ws");
  FanoutPlan plan = plan_of(kSmall, 8);
  plan.duration = 3600 * kSecond;
  const RunResult result = run_fanout(plan, server, watch, [&watch](const Progress& progress) {
    if (progress.phase == "measuring") ++watch.looks;
  });
  EXPECT_TRUE(result.interrupted);
  EXPECT_FALSE(result.failure);
  EXPECT_GT(metric(result, "delivery.rate"), 0);
}

class LimitServerTest : public testing::Test {
 protected:
  LimitServerTest() : server_(websocket::accept_token(kSharedKey)), thread_([this] { server_.run(); }) {
    target_.url = client::parse_url("ws://127.0.0.1:" + std::to_string(server_.port())).value();
    target_.adapter = make_limit_adapter();
    target_.process = getpid();
  }
  ~LimitServerTest() override {
    server_.stop();
    thread_.join();
  }

  LimitServer server_;
  std::thread thread_;
  Server target_;
  PatientWatch watch_;
};

TEST_F(LimitServerTest, DeliversEverythingInBothLoops) {
  for (const std::optional<std::uint32_t> window : {std::optional(64U), std::optional<std::uint32_t>()}) {
    for (const std::size_t bytes : {200U, 5000U, 100'000U}) {
      FanoutPlan plan = plan_of(kSmall, window);
      plan.rate = 100;
      plan.crew.delivered_bytes = bytes;
      const RunResult result = run_fanout(plan, target_, watch_, {});
      ASSERT_FALSE(result.failure) << result.failure->message;
      EXPECT_EQ(faults_of(result), "0 0 0 0");
      EXPECT_GT(metric(result, "delivery.count"), 0);
      EXPECT_EQ(metric(result, "delivery.bytes"), static_cast<double>(bytes));
    }
  }
}

TEST_F(LimitServerTest, AcknowledgesEveryPublish) {
  const RunResult result =
      run_fanout(plan_of({.publishers = 3, .channels = 1, .subscribers = 0}, 64), target_, watch_, {});
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(faults_of(result), "0 0 0 0");
  EXPECT_GT(metric(result, "pub.ack.count"), 0);
}

TEST_F(LimitServerTest, ServesOneRunAfterTheOther) {
  for (int round = 0; round < 3; ++round) {
    const RunResult result = run_fanout(plan_of(kSmall, 4), target_, watch_, {});
    ASSERT_FALSE(result.failure) << result.failure->message;
    EXPECT_EQ(faults_of(result), "0 0 0 0");
  }
}

TEST_F(LimitServerTest, ConnectionsAreCountedAndTheirStepsTimed) {
  CrewPlan plan;
  plan.topology = {.publishers = 0, .channels = 2, .subscribers = 100};
  plan.threads = 2;
  for (const bool subscribe : {false, true}) {
    plan.subscribe = subscribe;
    const RunResult result = run_connect(plan, target_, watch_, {});
    ASSERT_FALSE(result.failure) << result.failure->message;
    EXPECT_EQ(metric(result, "conn.ok"), 100);
    EXPECT_EQ(metric(result, "conn.failed"), 0);
    EXPECT_EQ(metric(result, "conn.tcp.count"), 100);
    EXPECT_EQ(metric(result, "conn.upgrade.count"), 100);
    EXPECT_EQ(metric(result, "conn.subscribe.count"), subscribe ? 100 : -1);
    EXPECT_GT(metric(result, "server.cpu_us_per_conn"), 0);
  }
}

TEST_F(LimitServerTest, IdleConnectionsAreHeldAndWeighed) {
  CrewPlan plan;
  plan.topology = {.publishers = 0, .channels = 1, .subscribers = 50};
  plan.subscribe = false;
  const RunResult result = run_idle(plan, 50 * kMillisecond, target_, watch_, {});
  ASSERT_FALSE(result.failure) << result.failure->message;
  EXPECT_EQ(metric(result, "conn.ok"), 50);
  EXPECT_EQ(metric(result, "conn.lost"), 0);
  EXPECT_TRUE(result.metrics.find("server.rss_per_conn"));
  EXPECT_TRUE(result.metrics.find("server.cpu"));
}

}  // namespace
}  // namespace wskit::bench
