#include "wsserve/config/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "common/cli/option_values.h"
#include "common/protocol/channel.h"
#include "wsserve/config/tls_options.h"
#include "wsserve/store/sqlite_broker.h"

namespace wskit::server {
namespace {

constexpr std::uint64_t kMaxShards = 64;
constexpr std::chrono::milliseconds kMinHandshakeTimeout{50};
constexpr std::chrono::milliseconds kMinHeartbeat{100};
constexpr std::chrono::milliseconds kMinChannelTtl{1'000};

// --- What CLI11 asks of a text: why it is wrong, or nothing ------------------

std::string check_address(const std::string& text) { return parse_listen_address(text).error; }

std::string check_default_channel(const std::string& text) {
  if (protocol::is_server_channel(text)) return fmt::format("'{}' is in the server's own space", text);
  return check_pattern(text);
}

std::string check_origin(const std::string& text) { return http::OriginList().add(text); }

std::string check_threads(const std::string& text) {
  const auto threads = cli::parse_count(text);
  return threads && *threads > kMaxShards ? fmt::format("at most {}", kMaxShards) : std::string();
}

std::string check_max_header(const std::string& text) {
  const auto bytes = cli::parse_size(text);
  const bool fits = !bytes || (*bytes >= http::kLeastHeaderBytes && *bytes <= http::kMostHeaderBytes);
  return fits ? std::string() : "must be from 1KiB to 60KiB";
}

std::string check_pace(const std::string& text) {
  const auto rate = cli::parse_rate(text);
  const bool fits = !rate || (*rate >= PaceBounds::kLowest && *rate <= PaceBounds::kHighest);
  return fits ? std::string() : "must be from 0.001 to 1000000";
}

PaceBounds pace_bounds(const Options& options) {
  return {.lowest = options.min_pace.value_or(PaceBounds::kLowest),
          .highest = options.max_pace.value_or(PaceBounds::kHighest)};
}

auto at_least(std::chrono::milliseconds least) {
  return [least](const std::string& text) {
    const auto value = cli::parse_duration(text);
    return value && *value < least ? fmt::format("must be at least {}ms", least.count()) : std::string();
  };
}

auto none_or_at_least(std::chrono::milliseconds least) {
  return [check = at_least(least)](const std::string& text) {
    const auto value = cli::parse_duration(text);
    return value && value->count() == 0 ? std::string() : check(text);
  };
}

// --- Options -----------------------------------------------------------------

void add_network_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  app.add_option("--listen", options.listen,
                 "Where to listen: HOST:PORT (port 0 picks a free one, no host means 127.0.0.1) or unix:PATH")
      ->envname("WSKIT_LISTEN")
      ->type_name("ADDRESS")
      ->check(check_address)
      ->capture_default_str()
      ->group("Network");
  cli::add_count(app, "--threads", options.threads, "Shards, one thread each; 0 for one a core")
      ->check(check_threads)
      ->group("Network");
  live(app.add_option(
           "--origin", options.origins,
           "Pages that may use the server besides those of its own host and, on loopback, this "
           "machine's: https://app.example.com, https://*.example.com, http://localhost:*, null or *"))
      ->type_name("PATTERN")
      ->check(check_origin)
      ->group("Network");
  live(app.add_flag("--no-compression", options.no_compression, "Never agree on permessage-deflate"))
      ->group("Network");
  live(app.add_flag(
           "--server-context-takeover", options.server_context_takeover,
           "Compress for each connection by itself, with what it was sent before as the dictionary: smaller, "
           "but 260 KiB and the work for each, instead of once for all"))
      ->group("Network");
  live(app.add_flag("--client-context-takeover", options.client_context_takeover,
                    "Let clients compress with what they sent before as the dictionary: 40 KiB for each"))
      ->group("Network");
}

void add_channel_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  live(app.add_option("--default-channel", options.default_channels,
                      "Channel or pattern that a connection to /ws is subscribed to at once"))
      ->type_name("NAME")
      ->check(check_default_channel)
      ->group("Channels");
  live(app.add_option(
           "--latest", options.latest,
           "Channels of which a slow subscriber gets the newest event of each key, told how many it stands "
           "for, instead of being closed with 4008"))
      ->type_name("PATTERN")
      ->check(check_pattern)
      ->group("Channels");
  live(
      cli::add_count(app, "--history", options.history,
                     "Newest events kept of each channel, for those who come back. A store keeps all of them "
                     "unless this, --history-bytes or --history-ttl is set"))
      ->group("Channels");
  live(cli::add_size(app, "--history-bytes", options.history_bytes,
                     "Memory for the history of each channel; if set, the store keeps no more either"))
      ->group("Channels");
  live(cli::add_duration(app, "--history-ttl", options.history_ttl,
                         "Age at which an event leaves the history; 0 for never"))
      ->group("Channels");
  live(cli::add_duration(
           app, "--channel-ttl", options.channel_ttl,
           "Time after which a channel is forgotten that holds no event, has no subscriber and was "
           "not used; 0 for never"))
      ->check(none_or_at_least(kMinChannelTtl))
      ->group("Channels");
  live(
      cli::add_size(
          app, "--history-total", options.history_total,
          "Memory for the histories of all channels; past it the channel that grows loses its oldest events"))
      ->group("Channels");
  cli::add_text(app, "--store", options.store, "FILE",
                "SQLite file that keeps the events of durable channels, all of them unless a limit is set: "
                "an event is acknowledged and delivered once it is on disk, and is there after a restart")
      ->envname("WSKIT_STORE")
      ->group("Channels");
  cli::add_choice(
      app, "--store-sync", options.store_sync,
      {{"full", store::Sync::kFull}, {"normal", store::Sync::kNormal}, {"off", store::Sync::kOff}},
      "What a stored event survives: full a power failure, normal and off the death of the "
      "server alone")
      ->group("Channels");
}

void add_dedup_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  live(cli::add_count(
           app, "--dedup-ids", options.dedup_ids,
           "Dedup ids remembered for each channel, and sequences for each producer on it, so that an "
           "event sent again is not published again"))
      ->group("Channels");
  live(cli::add_duration(app, "--dedup-ttl", options.dedup_ttl,
                         "Time that a dedup id or a sequence is remembered"))
      ->group("Channels");
  live(
      cli::add_count(app, "--dedup-producers", options.dedup_producers,
                     "Producers whose sequences a channel remembers; past it the one that has been quiet for "
                     "longest is forgotten"))
      ->group("Channels");
  live(cli::add_size(app, "--dedup-total", options.dedup_total,
                     "Memory for the dedup ids and sequences of all channels; past it the channel that grows "
                     "forgets its "
                     "oldest ones"))
      ->group("Channels");
}

void add_limit_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  live(cli::add_count(app, "--max-connections", options.max_connections,
                      "WebSockets at a time; more are closed with 1013"))
      ->group("Limits");
  live(cli::add_count(app, "--max-channels", options.max_channels,
                      "Names and patterns that one connection may subscribe"))
      ->group("Limits");
  live(cli::add_count(
           app, "--max-patterns", options.max_patterns,
           "Patterns among these; each event is looked at once for every pattern that matches its channel"))
      ->group("Limits");
  live(cli::add_count(app, "--max-server-channels", options.max_server_channels,
                      "Channels that the server holds in all"))
      ->group("Limits");
  live(cli::add_count(
           app, "--max-server-channels-per-client", options.max_server_channels_per_client,
           "Channels among these that one user, or one address of those without a user, has made by "
           "subscribing or publishing; 0 for any number. What administrators publish to does not count "
           "(default: a quarter of --max-server-channels, but not less than --max-channels)"))
      ->group("Limits");
  live(cli::add_size(app, "--max-message", options.max_message,
                     "Largest message taken; a longer one is closed with 1009"))
      ->group("Limits");
  live(cli::add_size(app, "--max-header", options.max_header,
                     "Largest request line and headers together; longer ones are answered with 431"))
      ->check(check_max_header)
      ->group("Limits");
  live(cli::add_size(app, "--max-body", options.max_body,
                     "Largest body of an HTTP request; a longer one is answered with 413"))
      ->group("Limits");
  live(cli::add_size(app, "--queue-limit", options.queue_limit,
                     "Bytes that may wait for one connection; a slower reader is closed with 4008"))
      ->group("Limits");
}

void add_time_limit_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  live(cli::add_duration(app, "--handshake-timeout", options.handshake_timeout,
                         "Time for a request to be complete"))
      ->check(at_least(kMinHandshakeTimeout))
      ->group("Limits");
  live(cli::add_duration(app, "--idle-timeout", options.idle_timeout,
                         "Time that an HTTP connection may wait for its next request"))
      ->check(at_least(kMinHandshakeTimeout))
      ->group("Limits");
  live(cli::add_duration(app, "--heartbeat", options.heartbeat,
                         "Time between heartbeats and pings; a peer silent for two is closed with 4009"))
      ->check(at_least(kMinHeartbeat))
      ->group("Limits");
  live(cli::add_duration(
           app, "--min-heartbeat", options.min_heartbeat,
           "Shortest heartbeat that a client may ask for, where --heartbeat is not shorter; it gets "
           "this one if it asks for less"))
      ->check(at_least(kMinHeartbeat))
      ->group("Limits");
  live(cli::add_rate(
           app, "--min-pace", options.min_pace,
           "Lowest max_rate that a subscriber may ask for: what it was sent is remembered for each key until "
           "the next event may go"))
      ->check(check_pace)
      ->group("Limits");
  live(cli::add_rate(
           app, "--max-pace", options.max_pace,
           "Highest max_rate that a subscriber may ask for: each event of such a one is looked at by itself"))
      ->check(check_pace)
      ->group("Limits");
}

void add_running_options(CLI::App& app, Options& options) {
  LiveOptions& live = options.live;
  live(app.add_flag("--echo", options.echo, "Serve /echo, which sends text and binary messages back"))
      ->group("Running");
  cli::add_text(app, "--audit", options.audit, "FILE",
                "File of JSON lines that says who connected, was refused, subscribed, published and "
                "administered; SIGUSR1 opens it anew")
      ->envname("WSKIT_AUDIT")
      ->group("Running");
  app.add_flag("--audit-data", options.audit_data,
               "Have the data of published events in the audit log as well")
      ->group("Running");
  live(cli::add_duration(app, "--drain", options.drain, "Time that connections get to end after SIGTERM"))
      ->group("Running");
}

// Options that do nothing without another one, or beside it.
std::vector<std::string> idle_options(const cli::Tool& tool, const Options& options) {
  std::vector<std::string> problems;
  const auto refuse = [&](const char* option, const char* why) {
    problems.push_back(fmt::format("{}: {} is of no use {}", tool.origin(tool.app(), option), option, why));
  };
  const auto given = [&](const char* option) { return tool.origin(tool.app(), option) != "default"; };
  if (options.limits.trusted_proxies.empty()) {
    constexpr const char* kRemedy = "without a proxy that is trusted: add --trusted-proxy CIDR";
    if (options.limits.proxy_protocol) refuse("--proxy-protocol", kRemedy);
    if (given("--forwarded-header")) refuse("--forwarded-header", kRemedy);
  }
  if (options.store.empty() && given("--store-sync")) {
    refuse("--store-sync", "without a store: add --store FILE");
  }
  if (options.audit.empty() && options.audit_data) {
    refuse("--audit-data", "without an audit log: add --audit FILE");
  }
  if (options.no_compression) {
    constexpr const char* kRemedy = "where nothing is compressed: leave --no-compression out";
    if (options.server_context_takeover) refuse("--server-context-takeover", kRemedy);
    if (options.client_context_takeover) refuse("--client-context-takeover", kRemedy);
  }
  if (given("--rate-patience") && !limits_rates(options.limits)) {
    refuse("--rate-patience", "without a rate to keep: add --max-commands RATE or --max-events RATE");
  }
  return problems;
}

// What is wrong with options and tables that are right each by itself.
std::vector<std::string> problems(const cli::Tool& tool, Options& options) {
  const auto stated = [&](const char* option) { return tool.origin(tool.app(), option) != "default"; };
  options.stated = {.history = stated("--history"),
                    .history_bytes = stated("--history-bytes"),
                    .history_ttl = stated("--history-ttl")};
  std::vector<std::string> problems = tls_problems(tool, options.tls);
  if (const PaceBounds bounds = pace_bounds(options); bounds.lowest > bounds.highest) {
    problems.push_back(fmt::format("{}: --min-pace is above --max-pace, so no max_rate is between them",
                                   tool.origin(tool.app(), "--min-pace")));
  }
  for (std::string& each : idle_options(tool, options)) problems.push_back(std::move(each));
  for (std::string& each : auth::load(tool, options.access)) problems.push_back(std::move(each));
  for (std::string& each : route_problems(tool, options.routes)) problems.push_back(std::move(each));
  for (std::string& each : endpoint_problems(tool, options.endpoints, pace_bounds(options)))
    problems.push_back(std::move(each));
  if (!options.store.empty()) return problems;
  for (const RuleOptions& rule : options.rules) {
    if (!rule.durable.value_or(false)) continue;
    problems.push_back(fmt::format(
        "{}: durable needs a store: start with --store FILE, or set store = \"FILE\" at the top of the file",
        tool.origin(*rule.table, "--durable")));
  }
  return problems;
}

}  // namespace

void add_options(cli::Tool& tool, Options& options) {
  CLI::App& app = tool.app();
  LiveOptions& live = options.live;
  add_network_options(app, options);
  add_tls_options(app, options.tls, live);
  auth::add_access_options(app, options.access, live);
  add_proxy_options(app, options.limits, live);
  add_channel_options(app, options);
  add_dedup_options(app, options);
  add_limit_options(app, options);
  add_time_limit_options(app, options);
  add_limit_options(app, options.limits, live);
  add_running_options(app, options);
  std::vector<cli::ConfigTables> tables = auth::access_tables(options.access);
  tables.push_back(
      {"channel", [&options](CLI::App& table) { add_rule_options(table, options.rules.emplace_back()); }});
  tables.push_back({"endpoint", [&options](CLI::App& table) {
                      add_endpoint_options(table, options.endpoints.emplace_back());
                    }});
  tables.push_back(
      {"route", [&options](CLI::App& table) { add_route_options(table, options.routes.emplace_back()); }});
  tool.add_own_config(std::move(tables), [&tool, &options] { return problems(tool, options); });
  tool.add_section(
      "Configuration",
      "A file (TOML) has each option as a key without the dashes, at its top or in the table of the option's "
      "group ([limits]), and tables of these kinds:\n"
      "[[channel]] with pattern, and any of history, history-bytes, history-ttl, dedup-ids, dedup-ttl, "
      "dedup-producers, "
      "delivery (lossless or latest), durable (true or false) and key (a path into data). All rules that "
      "match "
      "apply in their order.\n"
      "[[endpoint]] with path (/api/stream/{id}), channels (backtest/{id}) and defaults: addresses that "
      "existing front ends know.\n"
      "[[route]] with from (alerts, alerts/*), to (unified, market/{/symbol}), and any of except and when: "
      "events of some channels are delivered to others too.\n"
      "[anonymous] with subscribe, publish, channels and admin: what those who bring no token may do; "
      "[authenticated] with the same: what a token grants by the claims that it does not have.\n"
      "SIGHUP reads it again: channel rules, limits, keys and permissions change at once, and what has to "
      "wait for a restart is "
      "said. With an error in it nothing changes.");
  for (const int never : {3, 4, 5, 6, 7}) tool.describe_exit_code(never, {});
  tool.describe_exit_code(1, "token --show: the server would not take the token");
  tool.describe_exit_code(0, "done: it was told to stop, and has");
  tool.describe_exit_code(8, "local input or output: a port in use, a file that cannot be opened");
  tool.add_file("/etc/wskit/wsserve.toml",
                "The configuration of the service: the unit wsserve.service names it with --config.");
  tool.add_file("/var/lib/wskit, /var/log/wskit", "Where the service may keep its store and its audit log.");
  tool.add_example("wsserve", "serve this machine on port 9000");
  tool.add_example("wsserve --listen :0 --echo", "pick a free port and print it, serve /echo too");
  tool.add_example("wsserve --listen 0.0.0.0:9000 --allow-anonymous",
                   "serve everybody who reaches this machine");
}

Settings to_settings(const Options& options) {
  Settings settings;
  settings.default_channels = options.default_channels;
  settings.gate = std::make_shared<const auth::Gate>(options.access.policy);
  settings.auth_timeout = std::chrono::ceil<std::chrono::milliseconds>(options.access.auth_timeout);
  settings.channels.defaults.history = {
      .max_events = options.history,
      .max_bytes = options.history_bytes,
      .max_age = std::chrono::floor<std::chrono::microseconds>(options.history_ttl)};
  const HistoryLimits& history = settings.channels.defaults.history;
  HistoryLimits& stored = settings.channels.defaults.stored;
  if (options.stated.history) stored.max_events = history.max_events;
  if (options.stated.history_bytes) stored.max_bytes = history.max_bytes;
  if (options.stated.history_ttl) stored.max_age = history.max_age;
  settings.channels.defaults.dedup = {
      .max_ids = options.dedup_ids,
      .max_age = std::chrono::floor<std::chrono::microseconds>(options.dedup_ttl),
      .max_producers = options.dedup_producers};
  settings.hub.max_history_bytes = options.history_total;
  settings.hub.max_dedup_bytes = options.dedup_total;
  // What holds where no rule says otherwise.
  for (const std::string& text : options.latest) {
    ChannelRule& rule = settings.channels.rules.emplace_back();
    rule.patterns.push_back(*protocol::Pattern::parse(text));
    rule.delivery = DeliveryMode::kLatest;
  }
  for (const RuleOptions& rule : options.rules) settings.channels.rules.push_back(to_rule(rule));
  settings.channels.routes = to_routes(options.routes);
  for (const EndpointOptions& endpoint : options.endpoints) {
    settings.endpoints.push_back(to_endpoint(endpoint));
  }
  for (const std::string& origin : options.origins) (void)settings.origins.add(origin);
  settings.echo = options.echo;
  settings.handshake_timeout = std::chrono::ceil<std::chrono::milliseconds>(options.handshake_timeout);
  settings.idle_timeout = std::chrono::ceil<std::chrono::milliseconds>(options.idle_timeout);
  settings.http_limits.max_header_bytes = options.max_header;
  settings.http_limits.max_body_bytes = options.max_body;
  settings.heartbeat = std::chrono::ceil<std::chrono::milliseconds>(options.heartbeat);
  settings.min_heartbeat =
      std::min(std::chrono::ceil<std::chrono::milliseconds>(options.min_heartbeat), settings.heartbeat);
  settings.drain = std::chrono::ceil<std::chrono::milliseconds>(options.drain);
  settings.limits = to_limits(options.limits);
  settings.pace = pace_bounds(options);
  settings.max_connections = options.max_connections;
  settings.max_channels_per_connection = options.max_channels;
  settings.max_patterns_per_connection = options.max_patterns;
  settings.hub.channel_ttl = std::chrono::floor<std::chrono::microseconds>(options.channel_ttl);
  settings.hub.max_channels = options.max_server_channels;
  settings.hub.max_channels_per_client = options.max_server_channels_per_client.value_or(
      std::max(options.max_server_channels / 4, options.max_channels));
  settings.queue_limit_bytes = options.queue_limit;
  settings.message_limits.max_message_bytes = options.max_message;
  settings.deflate = {.enabled = !options.no_compression,
                      .server_context_takeover = options.server_context_takeover,
                      .client_context_takeover = options.client_context_takeover,
                      .max_window_bits = 15};
  return settings;
}

std::vector<ListenAddress> to_addresses(const Options& options) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : options.listen) {
    addresses.push_back(parse_listen_address(text).address);
  }
  return addresses;
}

protocol::Result<OpenedBroker> to_broker(const Options& options, const ChannelRules& rules) {
  if (options.store.empty()) return OpenedBroker{.broker = std::make_unique<broker::MemoryBroker>()};
  const auto renewed = std::make_shared<std::size_t>(0);
  store::Options wanted;
  wanted.path = options.store;
  wanted.sync = options.store_sync;
  wanted.make_epoch = [renewed] {
    ++*renewed;
    return random_token(8);
  };
  wanted.retention_for = [rules](std::string_view channel) {
    const ChannelOptions channel_options = rules.options_for(channel);
    return store::Retention{.history = channel_options.stored, .dedup = channel_options.dedup};
  };
  auto store = store::Store::open(std::move(wanted));
  if (!store) return store.error();
  return OpenedBroker{.broker = std::make_unique<store::SqliteBroker>(std::move(*store)),
                      .renewed = *renewed};
}

std::size_t to_shards(const Options& options) {
  if (options.threads > 0) return options.threads;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxShards);
}

}  // namespace wskit::server
