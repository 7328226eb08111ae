#include "wsserve/config/token_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "common/cli/answer.h"
#include "common/cli/option_values.h"
#include "common/cli/text_width.h"
#include "common/protocol/timestamp.h"
#include "common/text.h"
#include "wsserve/auth/base64url.h"
#include "wsserve/auth/claims.h"
#include "wsserve/auth/signer.h"

namespace wskit::server {
namespace {

using cli::UsageError;
using nlohmann::json;
using std::chrono::system_clock;

constexpr std::string_view kNever = "never";
constexpr const char* kAlgorithms = "HS256|HS384|HS512|RS256|RS384|RS512|ES256|ES384|ES512";
// As much as any token has, and a little more.
constexpr std::size_t kMaxInput = auth::kMaxTokenBytes + 64;

std::int64_t seconds_of(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string time_text(double seconds) {
  // The years that the format can write.
  const auto bounded = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 9'200'000'000.0));
  const protocol::Timestamp time{protocol::SystemMicros(std::chrono::seconds(bounded))};
  return std::string(time.text().substr(0, 19)) + "Z";
}

// --- Making ------------------------------------------------------------------

void add_claim(json& claims, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (equals == std::string::npos || name.empty()) {
    throw UsageError(fmt::format("--claim '{}': write it as NAME=VALUE", text));
  }
  if (claims.contains(name)) throw UsageError(fmt::format("--claim {}: the token has it already", name));
  json value = json::parse(text.substr(equals + 1), nullptr, false);
  claims[name] = value.is_discarded() ? json(text.substr(equals + 1)) : std::move(value);
}

void add_times(json& claims, const std::string& expires) {
  const auto now = system_clock::now();
  claims["iat"] = seconds_of(now);
  if (expires == kNever) return;
  const auto life = cli::parse_duration(expires);
  if (!life) throw UsageError(fmt::format("--expires: {}, or never", life.error().message));
  const auto whole = std::chrono::ceil<std::chrono::seconds>(*life);
  if (whole.count() < 1) throw UsageError("--expires: the token would have run out; write never for no end");
  claims["exp"] = seconds_of(now) + whole.count();
}

json to_claims(const TokenOptions& options, const auth::AccessOptions& access) {
  if (options.user.empty()) {
    throw UsageError("--sub is missing: the user that the token is for (wsserve token -h shows examples)");
  }
  const auto given = [&](const char* option) { return options.command->count(option) > 0; };
  json claims{{"sub", options.user}};
  add_times(claims, options.expires);
  if (given("--subscribe")) claims["subscribe"] = options.subscribe;
  if (given("--publish")) claims["publish"] = options.publish;
  if (given("--channels")) claims["channels"] = options.channels;
  if (options.admin) claims["admin"] = true;
  if (!options.issuer.empty()) {
    claims["iss"] = options.issuer;
  } else if (!access.issuers.empty()) {
    claims["iss"] = access.issuers.front();
  }
  if (options.audiences.size() > 1) {
    claims["aud"] = options.audiences;
  } else if (options.audiences.size() == 1) {
    claims["aud"] = options.audiences.front();
  } else if (!access.audiences.empty()) {
    claims["aud"] = access.audiences.front();
  }
  for (const std::string& claim : options.claims) add_claim(claims, claim);
  try {
    std::ignore = claims.dump();
  } catch (const json::exception&) {
    throw UsageError("a value is not UTF-8, and so cannot stand in a token");
  }
  return claims;
}

auth::SigningKey load_key(const TokenOptions& options, const auth::AccessOptions& access,
                          cli::Notices& notices) {
  if (!options.secret_file.empty() && !options.private_key.empty()) {
    throw UsageError(
        "--jwt-secret-file and --private-key: a token has one signature; give the one or the other");
  }
  std::string secret = options.secret_file;
  if (secret.empty() && options.private_key.empty() && !access.secret_files.empty()) {
    secret = access.secret_files.front();
  }
  if (secret.empty() && options.private_key.empty()) {
    throw UsageError(
        access.key_files.empty()
            ? "nothing to sign with: add --jwt-secret-file FILE (openssl rand -base64 48 > FILE makes one) "
              "or "
              "--private-key FILE"
            : "nothing to sign with: the server has a public key; add --private-key FILE, its other half");
  }
  auto loaded = secret.empty() ? auth::load_private_key(auth::parse_key_file(options.private_key))
                               : auth::load_signing_secret(auth::parse_key_file(secret));
  if (!loaded) {
    throw UsageError(fmt::format("{}: {}", secret.empty() ? "--private-key" : "--jwt-secret-file",
                                 loaded.error().message));
  }
  for (const std::string& warning : loaded->warnings) notices.warning("{}", warning);
  return std::move(loaded->key);
}

jwt_alg_t choose_algorithm(const auth::SigningKey& key, const std::string& wanted) {
  if (wanted.empty()) return key.algorithms.front();
  std::string names;
  for (const jwt_alg_t each : key.algorithms) {
    if (wanted == jwt_alg_str(each)) return each;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", jwt_alg_str(each));
  }
  throw UsageError(fmt::format("--algorithm: the key signs with {}, not with {}", names, wanted));
}

std::string make(const TokenOptions& options, const auth::AccessOptions& access, cli::Notices& notices) {
  const json claims = to_claims(options, access);
  // What the server would say of them.
  const auto identity = auth::to_identity(*auth::ClaimSet::read(claims.dump()), access.policy.authenticated,
                                          std::chrono::milliseconds{0});
  if (!identity) throw UsageError(identity.error().message);
  const auth::SigningKey key = load_key(options, access, notices);
  auto token = auth::sign(key, choose_algorithm(key, options.algorithm), claims);
  if (!token) throw UsageError(token.error().message);
  if (token->size() > auth::kMaxTokenBytes) {
    throw UsageError(
        fmt::format("the token has {} bytes, and the server takes {}", token->size(), auth::kMaxTokenBytes));
  }
  return *std::move(token);
}

// --- Showing -----------------------------------------------------------------

std::string read_stdin() {
  std::string text;
  std::array<char, 4096> room{};
  while (text.size() < kMaxInput) {
    const ssize_t got = ::read(STDIN_FILENO, room.data(), room.size());
    if (got == 0) break;
    if (got < 0 && errno != EINTR) {
      throw UsageError("cannot read stdin: " + std::generic_category().message(errno));
    }
    if (got > 0) text.append(room.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// The n-th part as JSON; nothing where it is none.
std::optional<json> part(std::string_view token, int number) {
  for (; number > 0; --number) {
    const std::size_t dot = token.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    token.remove_prefix(dot + 1);
  }
  const auto decoded = auth::decode_base64url(token.substr(0, token.find('.')));
  if (!decoded) return std::nullopt;
  json value = json::parse(*decoded, nullptr, false);
  return value.is_object() ? std::optional(std::move(value)) : std::nullopt;
}

void put(std::string& text, std::string_view name, std::string_view value) {
  text += fmt::format("{:<12}{}\n", name, cli::printable(value));
}

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class Items, class Text>
std::string listed(const Items& items, Text text) {
  std::string list;
  for (const auto& item : items) list += fmt::format("{}{}", list.empty() ? "" : " ", text(item));
  return list.empty() ? "nothing" : list;
}

void put_time(std::string& text, std::string_view name, const json& claims, const char* claim) {
  const auto found = claims.find(claim);
  if (found == claims.end() || !found->is_number()) return;
  const double seconds = found->get<double>();
  const double left = seconds - static_cast<double>(seconds_of(system_clock::now()));
  const auto distance = std::chrono::seconds(static_cast<std::int64_t>(std::min(std::abs(left), 9e9)));
  const std::string away = cli::format_duration(distance);
  put(text, name, fmt::format("{} ({})", time_text(seconds), left < 0 ? away + " ago" : "in " + away));
}

void put_grants(std::string& text, const json& claims, const auth::Grants& grants) {
  const auto pattern = [](const protocol::Pattern& each) { return each.text(); };
  const auto is_default = [&](const char* claim) {
    return claims.contains(claim) ? "" : "  (the server's default; the token does not say)";
  };
  put(text, "subscribe", listed(grants.subscribe, pattern) + is_default("subscribe"));
  put(text, "publish", listed(grants.publish, pattern) + is_default("publish"));
  put(text, "channels", listed(grants.channels, [](const std::string& each) { return each; }));
  put(text, "admin", grants.admin ? "yes" : "no");
}

// What would be checked with, or nothing.
auth::TokenRules rules_of(const TokenOptions& options, const auth::AccessOptions& access) {
  auth::TokenRules rules = access.policy.tokens;
  if (options.secret_file.empty()) return rules;
  auto loaded = auth::load_secret(auth::parse_key_file(options.secret_file));
  if (!loaded) throw UsageError("--jwt-secret-file: " + loaded.error().message);
  rules.keys = std::move(loaded->keys);
  return rules;
}

struct Shown {
  std::string text;
  bool taken = true;  // by the server, as far as can be told
};

Shown describe(std::string_view token, const TokenOptions& options, const auth::AccessOptions& access) {
  const auto header = part(token, 0);
  const auto claims = part(token, 1);
  if (!header || !claims) return {.text = "verdict     refused: no JSON Web Token\n", .taken = false};
  Shown shown;
  const auth::TokenRules rules = rules_of(options, access);
  put(shown.text, "algorithm", as_text(header->value("alg", json("none"))));
  if (header->contains("kid")) put(shown.text, "key", as_text(header->at("kid")));
  for (const char* claim : {"iss", "aud"}) {
    if (claims->contains(claim))
      put(shown.text, claim == std::string_view("iss") ? "issuer" : "audience", as_text(claims->at(claim)));
  }
  put_time(shown.text, "issued", *claims, "iat");
  put_time(shown.text, "begins", *claims, "nbf");
  if (claims->contains("exp")) {
    put_time(shown.text, "expires", *claims, "exp");
  } else {
    put(shown.text, "expires", "never");
  }
  std::string refusal;
  const auto identity =
      auth::to_identity(*auth::ClaimSet::read(claims->dump()), access.policy.authenticated, rules.leeway);
  if (identity) {
    put(shown.text, "user", identity->user);
    put_grants(shown.text, *claims, identity->grants);
  } else {
    refusal = identity.error().message;
  }
  if (const auto checked = auth::verify(rules, token, system_clock::now()); !rules.keys.empty() && !checked) {
    refusal = checked.error().message;
  }
  shown.taken = refusal.empty();
  if (!refusal.empty()) {
    put(shown.text, "verdict", "refused: " + refusal);
  } else if (rules.keys.empty()) {
    put(shown.text, "verdict", "not checked: no key was given (--jwt-secret-file FILE)");
  } else {
    put(shown.text, "verdict", "taken: signature and times are right");
  }
  return shown;
}

cli::Outcome print(const std::string& text, bool is_yes, cli::Notices& notices) {
  if (const int error = cli::print_answer(text); error != 0) {
    notices.error("cannot write to stdout: {}", std::generic_category().message(error));
    return {cli::ExitCode::kLocalIo, 0};
  }
  return {is_yes ? cli::ExitCode::kOk : cli::ExitCode::kNo, 0};
}

}  // namespace

void add_token_command(cli::Tool& tool, TokenOptions& options) {
  CLI::App& app = *tool.app().add_subcommand(
      "token", "Make a token that the server takes, or say what one grants. It is printed on stdout.");
  options.command = &app;
  app.option_defaults()->configurable(false);
  const auto claims = [](CLI::Option* option) { return option->group("Claims")->configurable(false); };
  claims(cli::add_text(app, "--sub", options.user, "USER", "The user that the token is for"));
  claims(cli::add_texts(app, "--subscribe", options.subscribe, "PATTERN",
                        "What the user may subscribe; if not given, what [authenticated] says, and else "
                        "everything outside the server's own channels"));
  claims(cli::add_texts(app, "--publish", options.publish, "PATTERN",
                        "What the user may publish to; if not given, what [authenticated] says, and else "
                        "nothing"));
  claims(cli::add_texts(app, "--channels", options.channels, "PATTERN",
                        "What the user is subscribed to on connect"));
  claims(app.add_flag("--admin", options.admin, "The user may administer the server"));
  claims(cli::add_text(app, "--expires", options.expires, "T|never", "How long the token lives"));
  claims(cli::add_text(app, "--issuer", options.issuer, "NAME",
                       "The claim iss; if not given, the server's --jwt-issuer"));
  claims(cli::add_texts(app, "--audience", options.audiences, "NAME",
                        "The claim aud; if not given, the server's --jwt-audience"));
  claims(cli::add_texts(app, "--claim", options.claims, "NAME=VALUE",
                        "A claim of your own; the value is JSON, or a text where it is none"));
  const auto key = [](CLI::Option* option) { return option->group("Key")->configurable(false); };
  key(cli::add_text(
      app, "--jwt-secret-file", options.secret_file, "FILE",
      "Sign and check with the secret in this file; KID=FILE names it in the token. If not given, "
      "the first that the server's own --jwt-secret-file names"));
  key(cli::add_text(
      app, "--private-key", options.private_key, "FILE",
      "Sign with this key (PEM, RSA or elliptic curve); the server has the public half. KID=FILE "
      "names it in the token"));
  key(cli::add_text(app, "--algorithm", options.algorithm, kAlgorithms,
                    "How to sign; if not given, what is usual for the key"));
  const auto show = [](CLI::Option* option) { return option->group("Show")->configurable(false); };
  show(app.add_flag(
      "--show", options.show,
      "Say what a token grants, and with a key whether the server would take it (exit code 1: it "
      "would not)"));
  show(cli::add_text(app, "TOKEN", options.token, "TOKEN", "The token to show; from stdin if not given"));
  tool.add_example(app, "wsserve token --jwt-secret-file key --sub ann --publish '**' --expires 1h",
                   "a token for the user ann, who may publish everywhere");
  tool.add_example(app, "wsserve --config wsserve.toml token --sub ops --admin --expires 10m",
                   "an administrator's, signed with the secret of the server's configuration");
  tool.add_example(app, "wsserve token --show --jwt-secret-file key < token",
                   "what it grants, until when, and whether it is right");
}

cli::Outcome run_token_command(const TokenOptions& options, const auth::AccessOptions& access,
                               cli::Notices& notices) {
  if (!options.show) {
    if (!options.token.empty()) throw UsageError("a TOKEN is for --show, which says what it grants");
    return print(make(options, access, notices) + "\n", true, notices);
  }
  for (const char* option : {"--sub", "--subscribe", "--publish", "--channels", "--admin", "--expires",
                             "--issuer", "--audience", "--claim", "--private-key", "--algorithm"}) {
    if (options.command->count(option) > 0) {
      throw UsageError(fmt::format("{} is of no use with --show, which makes no token", option));
    }
  }
  const bool from_stdin = options.token.empty() || options.token == "-";
  const std::string text = from_stdin ? read_stdin() : options.token;
  std::string_view token = trim(text);
  if (token.starts_with("Bearer ")) token = trim(token.substr(7));
  if (token.empty()) throw UsageError("--show: there is no token on stdin");
  const Shown shown = describe(token, options, access);
  return print(shown.text, shown.taken, notices);
}

}  // namespace wskit::server
