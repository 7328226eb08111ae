#include "wsserve/config/access_options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <utility>

#include "common/cli/option_values.h"
#include "common/protocol/channel.h"
#include "wsserve/auth/key_file.h"
#include "wsserve/auth/permissions.h"

namespace wskit::server::auth {
namespace {

using protocol::Pattern;

constexpr std::chrono::milliseconds kMinAuthTimeout{50};

std::string check_pattern(const std::string& text) {
  const auto parsed = Pattern::parse(text);
  return parsed ? std::string() : parsed.error().message;
}

std::string check_auth_timeout(const std::string& text) {
  const auto value = cli::parse_duration(text);
  return value && *value < kMinAuthTimeout ? fmt::format("must be at least {}ms", kMinAuthTimeout.count())
                                           : std::string();
}

// A pattern that grants something.
auto granting(std::string (*idle)(const Pattern&)) {
  return [idle](const std::string& text) {
    const auto parsed = Pattern::parse(text);
    if (!parsed) return parsed.error().message;
    const std::string why = idle(*parsed);
    return why.empty() ? why : fmt::format("'{}' is of no use there: {}", text, why);
  };
}

// An empty list is one, too: nothing is granted.
CLI::Option* add_patterns(CLI::App& table, const char* flag, std::vector<std::string>& patterns,
                          const char* description) {
  constexpr int kMost = 10'000;
  return cli::add_texts(table, flag, patterns, "PATTERN", description)->expected(0, kMost);
}

void add_role_options(CLI::App& table, RoleOptions& role) {
  role.table = &table;
  add_patterns(table, "--subscribe", role.subscribe, "What they may subscribe")
      ->check(granting(idle_subscribe_grant));
  add_patterns(table, "--publish", role.publish, "What they may publish to")
      ->check(granting(idle_publish_grant));
  add_patterns(table, "--channels", role.channels, "What they are subscribed to on connect")
      ->check(check_pattern);
  table.add_flag("--admin", role.admin, "Whether they may administer the server");
}

std::vector<Pattern> to_patterns(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) patterns.push_back(*Pattern::parse(text));
  return patterns;
}

// What the role's table says, and `defaults` where it says nothing.
Grants to_grants(const cli::Tool& tool, const RoleOptions& role, Grants defaults) {
  if (role.table == nullptr) return defaults;
  const auto given = [&](const char* key) { return tool.origin(*role.table, key) != "default"; };
  Grants grants = std::move(defaults);
  if (given("--subscribe")) grants.subscribe = to_patterns(role.subscribe);
  if (given("--publish")) grants.publish = to_patterns(role.publish);
  if (given("--admin")) grants.admin = role.admin;
  grants.channels = role.channels;
  // Whoever is to be subscribed may.
  for (Pattern& channel : to_patterns(role.channels)) grants.subscribe.push_back(std::move(channel));
  return grants;
}

std::vector<std::string> load_keys(AccessOptions& options) {
  std::vector<std::string> problems;
  Keys& keys = options.policy.tokens.keys;
  const auto take = [&](const char* option, protocol::Result<LoadedKeys> loaded) {
    if (!loaded) return problems.push_back(fmt::format("{}: {}", option, loaded.error().message));
    keys.insert(keys.end(), loaded->keys.begin(), loaded->keys.end());
    options.warnings.insert(options.warnings.end(), loaded->warnings.begin(), loaded->warnings.end());
  };
  for (const std::string& file : options.secret_files) {
    take("--jwt-secret-file", load_secret(parse_key_file(file)));
  }
  for (const std::string& file : options.key_files) {
    take("--jwt-key", load_public_keys(parse_key_file(file)));
  }
  return problems;
}

// What is of no use as things stand.
std::vector<std::string> idle_settings(const cli::Tool& tool, const AccessOptions& options) {
  std::vector<std::string> problems;
  const bool asks = !options.secret_files.empty() || !options.key_files.empty();
  const auto needs_key = [&](bool given, const char* what) {
    if (given && !asks) {
      problems.push_back(
          fmt::format("{} is of no use without a key: add --jwt-key or --jwt-secret-file", what));
    }
  };
  needs_key(!options.issuers.empty(), "--jwt-issuer");
  needs_key(!options.audiences.empty(), "--jwt-audience");
  needs_key(options.leeway.count() > 0, "--jwt-leeway");
  needs_key(tool.origin(tool.app(), "--auth-timeout") != "default", "--auth-timeout");
  needs_key(options.authenticated.table != nullptr, "[authenticated]");
  if (options.anonymous.table != nullptr && asks && !options.allow_anonymous) {
    problems.emplace_back("[anonymous] is of no use where a token is asked for: add --allow-anonymous");
  }
  return problems;
}

}  // namespace

void add_access_options(CLI::App& app, AccessOptions& options, LiveOptions& live) {
  live(cli::add_texts(
           app, "--jwt-secret-file", options.secret_files, "FILE",
           "Take tokens signed with the secret in this file (HS256, HS384, HS512); KID=FILE for tokens "
           "that name their key"))
      ->envname("WSKIT_JWT_SECRET_FILE")
      ->group("Access");
  live(cli::add_texts(
           app, "--jwt-key", options.key_files, "FILE",
           "Take tokens signed with the private part of this key (RS256, RS384, RS512, ES256, ES384, "
           "ES512): a public key or certificate in PEM, or a JSON Web Key Set; KID=FILE for tokens that "
           "name their key"))
      ->envname("WSKIT_JWT_KEY")
      ->group("Access");
  live(cli::add_texts(app, "--jwt-issuer", options.issuers, "NAME", "Take only tokens whose iss is this one"))
      ->group("Access");
  live(cli::add_texts(app, "--jwt-audience", options.audiences, "NAME",
                      "Take only tokens whose aud has this one"))
      ->group("Access");
  live(cli::add_duration(app, "--jwt-leeway", options.leeway,
                         "How far the clocks of those who sign tokens may be off, for exp and nbf"))
      ->group("Access");
  live(cli::add_duration(
           app, "--auth-timeout", options.auth_timeout,
           "Time for a WebSocket that came without a token to send one; then it is closed with 4001"))
      ->check(check_auth_timeout)
      ->group("Access");
  live(app.add_flag(
           "--allow-anonymous", options.allow_anonymous,
           "Serve those who bring no token; without a key, other machines too although nobody is asked "
           "who they are"))
      ->group("Access");
}

std::vector<cli::ConfigTables> access_tables(AccessOptions& options) {
  return {{"anonymous", [&options](CLI::App& table) { add_role_options(table, options.anonymous); }, true},
          {"authenticated", [&options](CLI::App& table) { add_role_options(table, options.authenticated); },
           true}};
}

std::vector<std::string> load(const cli::Tool& tool, AccessOptions& options) {
  Policy& policy = options.policy;
  policy.tokens = {.keys = {},
                   .issuers = options.issuers,
                   .audiences = options.audiences,
                   .leeway = std::chrono::ceil<std::chrono::milliseconds>(options.leeway)};
  std::vector<std::string> problems = load_keys(options);
  for (std::string& problem : idle_settings(tool, options)) problems.push_back(std::move(problem));
  const bool asks = !policy.tokens.keys.empty();
  policy.serves_anonymous = options.allow_anonymous || !asks;
  Grants listener = full_grants();
  listener.publish.clear();
  listener.admin = false;
  Grants anonymous = asks ? listener : full_grants();
  // Who is served without being asked, from wherever, may not administer.
  if (options.allow_anonymous) anonymous.admin = false;
  policy.anonymous = to_grants(tool, options.anonymous, std::move(anonymous));
  policy.authenticated = to_grants(tool, options.authenticated, std::move(listener));
  return problems;
}

}  // namespace wskit::server::auth
