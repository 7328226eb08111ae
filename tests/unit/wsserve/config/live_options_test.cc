// What a reload hands to the running server are the settings, with the certificate from
// the files that are named. So an option that changes them has to be marked as one that
// is taken up, and one that does not has to wait for a restart.
#include "wsserve/config/live_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "common/cli/config_file.h"
#include "support/scratch_folder.h"
#include "wsserve/config/program.h"

namespace wskit::server {
namespace {

constexpr const char* kPublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECAfAzojwU38l6m6xl8KXIXhHrh05\n"
    "1cQfGVPTU/CZ4t9GpvOZtY53VJXxEwR220f6XpPnO4sJXq5UlZ1mJrp8tA==\n"
    "-----END PUBLIC KEY-----\n";

std::string shown(const auth::Policy& policy) {
  return fmt::format("{} {} {} {} {} {}", auth::describe(policy.tokens.keys),
                     fmt::join(policy.tokens.issuers, " "), fmt::join(policy.tokens.audiences, " "),
                     policy.tokens.leeway.count(), policy.serves_anonymous, policy.anonymous.admin);
}

std::string shown(const ChannelRules& rules) {
  const ChannelOptions& all = rules.defaults;
  return fmt::format("{} {} {} {} {} {} {}", all.history.max_events, all.history.max_bytes,
                     all.history.max_age.count(), all.dedup.max_ids, all.dedup.max_age.count(),
                     all.dedup.max_producers, rules.rules.size());
}

std::string shown(const HubLimits& limits) {
  return fmt::format("{} {} {} {} {}", limits.max_channels, limits.max_channels_per_client,
                     limits.max_history_bytes, limits.max_dedup_bytes, limits.channel_ttl.count());
}

std::string shown(const LimitSettings& limits) {
  const PeerAddress proxy(*IpAddress::parse("10.1.2.3"));
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", limits.connections_per_address,
                     limits.connections_per_user, limits.subscriptions, limits.new_connections.per_second,
                     limits.new_connections_per_address.per_second, limits.requests_per_address.per_second,
                     limits.commands.per_second, limits.commands_per_user.per_second,
                     limits.events.per_second, limits.events_per_user.per_second, limits.patience.count(),
                     limits.proxies.trusts(proxy), header_name(limits.forwarded_header),
                     limits.proxy_protocol);
}

// All that a reload gets of the options.
std::string shown(const Options& options) {
  const Settings settings = to_settings(options);
  const TlsFiles& tls = options.tls;
  return fmt::format(
             "{} | {} | {} | {} | {} | {} {} {} | {} {} {} {} {} {} | {} {} | {} {} {} {} {} {} {} | {} {} "
             "{}",
             shown(settings.gate->policy()), shown(settings.channels), shown(settings.hub),
             shown(settings.limits), fmt::join(settings.default_channels, " "),                             //
             settings.origins.allows("https://app.example.com"), settings.echo, settings.endpoints.size(),  //
             settings.auth_timeout.count(), settings.handshake_timeout.count(),
             settings.idle_timeout.count(),                                                       //
             settings.heartbeat.count(), settings.min_heartbeat.count(), settings.drain.count(),  //
             settings.pace.lowest, settings.pace.highest,                                         //
             settings.max_connections, settings.max_channels_per_connection,
             settings.max_patterns_per_connection, settings.queue_limit_bytes,
             settings.message_limits.max_message_bytes, settings.http_limits.max_header_bytes,
             settings.http_limits.max_body_bytes,  //
             settings.deflate.enabled, settings.deflate.server_context_takeover,
             settings.deflate.client_context_takeover) +
         fmt::format(" | {} {} {}", tls.certificate, tls.key, tls.client_ca);
}

class LiveOptionsTest : public testing::Test {
 protected:
  struct Change {
    std::string option;
    std::string value;                 // empty: it is a flag
    std::vector<std::string> besides;  // what it is of no use without
  };

  LiveOptionsTest() {
    std::ofstream(key_) << kPublicKey;
    std::ofstream(secret_) << std::string(64, 's');
    std::filesystem::permissions(secret_, std::filesystem::perms::owner_read);
  }

  // Each option that may stand in a configuration file, with another value than its default.
  [[nodiscard]] std::vector<Change> changes() const {
    const std::string token = "--jwt-secret-file=" + secret_;
    const std::string proxy = "--trusted-proxy=10.0.0.0/8";
    return {
        {"quiet", "", {}},
        {"verbose", "", {}},
        {"color", "never", {}},
        {"log-format", "json", {}},
        {"listen", "127.0.0.1:1", {}},
        {"threads", "3", {}},
        {"origin", "https://app.example.com", {}},
        {"no-compression", "", {}},
        {"server-context-takeover", "", {}},
        {"client-context-takeover", "", {}},
        {"tls-cert", "other.pem", {"--tls-cert=cert.pem", "--tls-key=key.pem"}},
        {"tls-key", "other.pem", {"--tls-cert=cert.pem", "--tls-key=key.pem"}},
        {"client-ca", "ca.pem", {"--tls-cert=cert.pem", "--tls-key=key.pem"}},
        {"jwt-secret-file", secret_, {}},
        {"jwt-key", key_, {}},
        {"jwt-issuer", "us", {token}},
        {"jwt-audience", "them", {token}},
        {"jwt-leeway", "3s", {token}},
        {"auth-timeout", "3s", {token}},
        {"allow-anonymous", "", {}},
        {"trusted-proxy", "10.0.0.0/8", {}},
        {"forwarded-header", "forwarded", {proxy}},
        {"proxy-protocol", "", {proxy}},
        {"default-channel", "a", {}},
        {"latest", "a", {}},
        {"history", "3", {}},
        {"history-bytes", "3KiB", {}},
        {"history-ttl", "3s", {}},
        {"channel-ttl", "3s", {}},
        {"history-total", "3KiB", {}},
        {"store", "events.db", {}},
        {"store-sync", "off", {"--store=events.db"}},
        {"dedup-ids", "3", {}},
        {"dedup-ttl", "3s", {}},
        {"dedup-producers", "3", {}},
        {"dedup-total", "3KiB", {}},
        {"max-connections", "3", {}},
        {"max-channels", "3", {}},
        {"max-patterns", "3", {}},
        {"max-server-channels", "3", {}},
        {"max-server-channels-per-client", "3", {}},
        {"max-message", "3KiB", {}},
        {"max-header", "3KiB", {}},
        {"max-body", "3KiB", {}},
        {"queue-limit", "3KiB", {}},
        {"handshake-timeout", "3s", {}},
        {"idle-timeout", "3s", {}},
        {"heartbeat", "3s", {}},
        {"min-heartbeat", "3s", {}},
        {"min-pace", "3", {}},
        {"max-pace", "3", {}},
        {"max-connections-per-address", "3", {}},
        {"max-connections-per-user", "3", {}},
        {"max-new-connections", "3", {}},
        {"max-new-connections-per-address", "3", {}},
        {"max-subscriptions", "3", {}},
        {"max-commands", "3", {}},
        {"max-commands-per-user", "3", {}},
        {"max-events", "3", {}},
        {"max-events-per-user", "3", {}},
        {"max-requests", "3", {}},
        {"rate-patience", "3s", {"--max-commands=3"}},
        {"echo", "", {}},
        {"audit", "audit.log", {}},
        {"audit-data", "", {"--audit=audit.log"}},
        {"drain", "3s", {}},
    };
  }

  // What is wrong with it, other than files of TLS that are not there, is a failure.
  static void read(Program& program, const std::vector<std::string>& options) {
    std::vector<const char*> argv{"wsserve"};
    for (const std::string& option : options) argv.push_back(option.c_str());
    for (const std::string& error : program.tool.read(static_cast<int>(argv.size()), argv.data())) {
      EXPECT_NE(error.find(".pem"), std::string::npos) << error;
    }
  }

  const test::ScratchFolder scratch_;
  const std::string key_ = scratch_.path() / "key";
  const std::string secret_ = scratch_.path() / "secret";
};

TEST_F(LiveOptionsTest, AreThoseThatChangeWhatAReloadHandsToTheServer) {
  for (const Change& change : changes()) {
    SCOPED_TRACE("--" + change.option);
    Program before;
    read(before, change.besides);
    Program after;
    std::vector<std::string> options = change.besides;
    options.push_back("--" + change.option + (change.value.empty() ? "" : "=" + change.value));
    read(after, options);
    EXPECT_EQ(after.options.live.has(change.option), shown(before.options) != shown(after.options));
  }
}

TEST_F(LiveOptionsTest, AreLookedForAmongAllThatThereAre) {
  std::set<std::string> tried;
  for (const Change& change : changes()) tried.insert(change.option);
  const Program program;
  std::set<std::string> all;
  for (const auto& [option, value] : cli::effective_values(program.tool.app())) all.insert(option);
  EXPECT_EQ(tried, all);
}

}  // namespace
}  // namespace wskit::server
