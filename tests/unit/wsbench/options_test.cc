#include "wsbench/options.h"

#include <gtest/gtest.h>

#include <thread>

namespace wskit::bench {
namespace {

std::string error_of(const Options& options) {
  try {
    (void)to_settings(options);
    return "";
  } catch (const cli::UsageError& error) {
    return error.what();
  }
}

// What to_settings says to these changes.
template <class Change>
std::string error_after(Change change) {
  Options options;
  change(options);
  return error_of(options);
}

#define EXPECT_REFUSED(change, words) \
  EXPECT_NE(error_after([](Options& options) { change; }).find(words), std::string::npos)

TEST(OptionsTest, TheDefaultsAreAnOpenLoopOfAThousandSubscribers) {
  const Settings settings = to_settings({});
  EXPECT_EQ(settings.scenario, Scenario::kFanout);
  EXPECT_FALSE(settings.fanout.crew.window);
  EXPECT_EQ(settings.fanout.rate, 100);
  EXPECT_EQ(settings.fanout.crew.topology.subscribers, 1000U);
  EXPECT_EQ(settings.fanout.crew.topology.channels, 1U);
  EXPECT_EQ(settings.url->port, 9000);
}

// U3: a server may be running on the usual port.
TEST(OptionsTest, ASpawnedServerGetsAFreePortUnlessItsCommandNamesOne) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(with_free_port({"wsserve"}), (Words{"wsserve", "--listen", "127.0.0.1:0"}));
  EXPECT_EQ(with_free_port({"/usr/bin/wsserve", "--threads", "1"}),
            (Words{"/usr/bin/wsserve", "--listen", "127.0.0.1:0", "--threads", "1"}));
  for (const Words& words : {Words{"wsserve", "--listen", ":0"}, Words{"wsserve", "--listen=unix:s"},
                             Words{"wsserve", "--config", "c.toml"}, Words{"python3", "server.py"}}) {
    EXPECT_EQ(with_free_port(words), words);
  }
}

// U14
TEST(OptionsTest, WhoConnectsIsSentWithTheUpgrade) {
  Options valid;
  valid.identity.headers = {"X-Key: 1"};
  valid.identity.token = "abc";
  EXPECT_EQ(to_settings(valid).headers, (cli::HeaderList{{"X-Key", "1"}, {"Authorization", "Bearer abc"}}));
  EXPECT_REFUSED(options.identity.headers = {"nonsense"}, "--header");
  EXPECT_REFUSED(options.identity.token_file = "/nonexistent", "--token-file");
}

TEST(OptionsTest, RateMaxIsAClosedLoop) {
  Options options;
  options.rate = "max";
  EXPECT_EQ(to_settings(options).fanout.crew.window, 16U);
  options.window = 64;
  EXPECT_EQ(to_settings(options).fanout.crew.window, 64U);
}

TEST(OptionsTest, WithoutSubscribersAcknowledgementsAreMeasured) {
  Options options;
  options.subscribers = 0;
  EXPECT_TRUE(to_settings(options).fanout.crew.acknowledged);
  EXPECT_FALSE(to_settings(options).fanout.crew.subscribe);
}

TEST(OptionsTest, ConnectAndIdleSubscribeOnlyIfChannelsAreAskedFor) {
  Options options;
  options.scenario = Scenario::kIdle;
  EXPECT_FALSE(to_settings(options).fanout.crew.subscribe);
  EXPECT_EQ(to_settings(options).fanout.crew.topology.publishers, 0U);
  options.channels = 3;
  EXPECT_TRUE(to_settings(options).fanout.crew.subscribe);
  EXPECT_EQ(to_settings(options).fanout.crew.topology.channels, 3U);
}

TEST(OptionsTest, WhatContradictsIsRefusedWithTheReason) {
  EXPECT_REFUSED(options.window = 5, "--window needs --rate max");
  EXPECT_REFUSED((options.rate = "max", options.slos = {"delivery.latency.p99 < 5ms"}), "closed loop");
  EXPECT_REFUSED((options.rate = "max", options.arrival = "poisson"), "--arrival needs a --rate");
  EXPECT_REFUSED(options.slos = {"limit.share > 0.5"}, "needs --limit");
  EXPECT_REFUSED((options.spawn = "a", options.server_pid = 5), "--server-pid and --spawn");
  EXPECT_REFUSED(options.server_cpus = "0", "--server-cpu needs");
}

TEST(OptionsTest, ValuesThatMakeNoSenseAreRefusedByName) {
  EXPECT_REFUSED(options.rate = "fast", "--rate");
  EXPECT_REFUSED(options.arrival = "burst:0@1s", "--arrival");
  EXPECT_REFUSED(options.arrival = "bursts", "--arrival");
  EXPECT_REFUSED(options.size = 20, "--size");
  EXPECT_REFUSED(options.publishers = 0, "--publishers");
  EXPECT_REFUSED((options.channels = 5, options.subscribers = 3), "5 channels but 3 subscribers");
  EXPECT_REFUSED(options.duration = std::chrono::nanoseconds(0), "--duration");
  EXPECT_REFUSED(options.outputs = {"xml=a"}, "json=PATH");
  EXPECT_REFUSED(options.outputs = {"json="}, "json=PATH");
  EXPECT_REFUSED(options.url = "ftp://x", "--url");
  EXPECT_REFUSED(options.tls.ca_file = "/no/such.pem", "--cacert");
  EXPECT_REFUSED(options.spawn = "'a", "--spawn");
  EXPECT_REFUSED(options.server_pid = 0, "--server-pid: there is no process 0");
  EXPECT_REFUSED(options.server_pid = 1ULL << 40, "there is no process");
  EXPECT_REFUSED(options.rounds = 0, "--rounds");
  EXPECT_REFUSED(options.threads = 0, "--threads");
  EXPECT_REFUSED(options.cpus = "1-", "--cpu");
  EXPECT_REFUSED(options.cpus = "0-0,1-0", "1-0 counts down: write 0-1");
  EXPECT_REFUSED(options.cpus = "99999", "there is no CPU 99999");
}

TEST(OptionsTest, AnObjectiveThatIsNeverMeasuredIsRefused) {
  EXPECT_REFUSED(options.slos = {"server.cpu < 1"}, "needs --spawn or --server-pid");
  EXPECT_REFUSED((options.spawn = "a", options.slos = {"server.rss_per_conn < 4KiB"}),
                 "needs the scenario idle");
  EXPECT_REFUSED((options.scenario = Scenario::kIdle, options.slos = {"delivery.lost == 0"}),
                 "needs the scenario fanout");
  EXPECT_REFUSED((options.limit = true, options.scenario = Scenario::kConnect,
                  options.slos = {"limit.delivery.rate > 5"}),
                 "needs the scenario fanout");
  EXPECT_REFUSED((options.subscribers = 0, options.slos = {"delivery.rate > 5"}), "needs subscribers");
  EXPECT_EQ(error_after([](Options& options) {
              options.subscribers = 0;
              options.slos = {"delivery.lost == 0"};
            }),
            "");
  EXPECT_REFUSED(options.slos = {"pub.ack.p99 < 5ms"}, "needs -S 0");
  Options options;
  options.server_pid = 1;
  options.slos = {"server.cpu < 1", "delivery.latency.p99 < 5ms", "conn.total.p50 < 5ms"};
  EXPECT_EQ(error_of(options), "");
}

TEST(OptionsTest, WhatIsSpawnedIsMeasuredWhateverTheUrl) {
  Options options;
  options.url = "ws://elsewhere/ws";  // as WSKIT_URL says
  options.spawn = "wsserve --listen :0";
  EXPECT_FALSE(to_settings(options).url);
  EXPECT_EQ(to_settings(options).spawn, (std::vector<std::string>{"wsserve", "--listen", ":0"}));
}

TEST(OptionsTest, CpuListsMayHoldRanges) {
  EXPECT_EQ(parse_cpus("--cpu", "0"), std::vector<int>{0});
  EXPECT_EQ(parse_cpus("--cpu", ""), std::vector<int>{});
  if (std::thread::hardware_concurrency() < 4) GTEST_SKIP() << "needs four CPUs";
  EXPECT_EQ(parse_cpus("--cpu", "0,2-3"), (std::vector<int>{0, 2, 3}));
}

TEST(OptionsTest, ThereIsAThreadForEachCpuOfTheList) {
  Options options;
  options.cpus = "0";
  EXPECT_EQ(to_settings(options).fanout.crew.threads, 1U);
  options.threads = 5;
  EXPECT_EQ(to_settings(options).fanout.crew.threads, 5U);
}

TEST(OptionsTest, ArrivalsParse) {
  EXPECT_EQ(parse_arrival("uniform").value(), Arrival{});
  EXPECT_EQ(parse_arrival("poisson").value().kind, Arrival::Kind::kPoisson);
  const Arrival burst = parse_arrival("burst:50@100ms").value();
  EXPECT_EQ(burst.kind, Arrival::Kind::kBurst);
  EXPECT_EQ(burst.burst, 50U);
  EXPECT_EQ(burst.period, 100 * kMillisecond);
}

}  // namespace
}  // namespace wskit::bench
