#include "wsserve/config/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/text.h"
#include "wsserve/config/tls_options.h"

namespace wskit::server {
namespace {

// Options of TLS; without it now and wanted, or the reverse, they wait for a restart.
constexpr std::array<std::string_view, 3> kTls{"client-ca", "tls-cert", "tls-key"};

std::string shown(const std::string& value) { return value.empty() ? "(not set)" : value; }

// The tables of the file as it has them, by kind.
LiveConfig::Tables tables_of(const Program& program) {
  LiveConfig::Tables tables;
  for (const cli::Configuration::Table& table : program.tool.configuration().tables) {
    std::string& text = tables[table.name].emplace_back();
    for (const auto& [key, value] : cli::effective_values(*table.app)) {
      text += fmt::format("{}={}\n", key, value);
    }
  }
  return tables;
}

std::size_t count_missing(const auth::Keys& keys, const auth::Keys& in) {
  return static_cast<std::size_t>(std::ranges::count_if(
      keys, [&](const auth::Key& key) { return std::ranges::find(in, key) == in.end(); }));
}

// Why it would be careless to go on like that; empty: it is not.
std::string weaker_access(const auth::Policy& before, const auth::Policy& after) {
  const bool asked = !before.tokens.keys.empty();
  const bool asks = !after.tokens.keys.empty();
  if (asked && !asks) {
    return "there is no key any more: a server that asks who somebody is does not stop asking without a "
           "restart";
  }
  if (!asks && before.anonymous.admin != after.anonymous.admin) {
    return "without a key, who may administer changes only with a restart (allow-anonymous, [anonymous] "
           "admin)";
  }
  return {};
}

}  // namespace

LiveConfig::LiveConfig(const Program& started, CommandLine command_line, TlsContextPtr tls)
    : command_line_(command_line),
      values_(cli::effective_values(started.tool.app())),
      tls_(std::move(tls)),
      tables_(tables_of(started)),
      policy_(started.options.access.policy) {}

LiveConfig::Reload LiveConfig::reload() {
  Reload result;
  Program program;
  result.errors = program.tool.read(command_line_.argc, command_line_.argv);
  if (!result.errors.empty()) return result;
  result.settings = to_settings(program.options);
  take_tls(program.options.tls, result);
  const auth::AccessOptions& access = program.options.access;
  if (std::string why = weaker_access(policy_, access.policy); !why.empty()) {
    result.errors.push_back(std::move(why));
  }
  if (!result.errors.empty()) return result;
  std::vector<std::string> changes;
  take_values(program, result, changes);
  take_access(access, result, changes);
  const std::string file = program.tool.configuration().file.string();
  result.summary = fmt::format("{}: ", file.empty() ? "no configuration file" : file);
  take_tables(tables_of(program), result.summary);
  result.summary += changes.empty() ? "no value changed"
                                    : fmt::format("{} changed: {}", counted(changes.size(), "value"),
                                                  fmt::join(changes, ", "));
  return result;
}

// The files are read again even where their names are the same.
void LiveConfig::take_tls(const TlsFiles& files, Reload& result) {
  if (tls_ != nullptr && !files.certificate.empty()) {
    auto read = to_tls(files);
    if (!read) return result.errors.push_back(read.error().message);
    tls_ = *read;
  }
  result.settings->tls = tls_;
}

// The files of keys are read again, too.
void LiveConfig::take_access(const auth::AccessOptions& access, Reload& result,
                             std::vector<std::string>& changes) {
  const auth::Keys& keys = access.policy.tokens.keys;
  const std::size_t added = count_missing(keys, policy_.tokens.keys);
  const std::size_t gone = count_missing(policy_.tokens.keys, keys);
  if (added + gone > 0) {
    changes.push_back(fmt::format("keys ({} new, {} gone: now {})", added, gone, auth::describe(keys)));
  }
  policy_ = access.policy;
  result.left.insert(result.left.end(), access.warnings.begin(), access.warnings.end());
}

void LiveConfig::take_tables(Tables tables, std::string& summary) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNouns{
      {{"channel", "rule"},
       {"endpoint", "endpoint"},
       {"route", "route"},
       {"anonymous", "[anonymous]"},
       {"authenticated", "[authenticated]"}}};
  for (const auto& [name, noun] : kNouns) {
    const std::vector<std::string>& now = tables[std::string(name)];
    const bool same = now == tables_[std::string(name)];
    // Rules are always told of, other kinds if there are some or were.
    if (same && now.empty() && name != kNouns.front().first) continue;
    summary += fmt::format("{}{}, ", counted(now.size(), noun), same ? "" : " (changed)");
  }
  tables_ = std::move(tables);
}

void LiveConfig::take_values(const Program& program, Reload& result, std::vector<std::string>& changes) {
  const bool turns = (tls_ == nullptr) != program.options.tls.certificate.empty();
  for (const auto& [option, value] : cli::effective_values(program.tool.app())) {
    std::string& current = values_[option];
    if (value == current) continue;
    const bool turns_tls = std::ranges::find(kTls, option) != kTls.end() && turns;
    if (program.options.live.has(option) && !turns_tls) {
      changes.push_back(fmt::format("{} {} -> {}", option, shown(current), shown(value)));
      current = value;
    } else {
      result.left.push_back(fmt::format("{} = {} waits for a restart; until then it is {}", option,
                                        shown(value), shown(current)));
    }
  }
}

}  // namespace wskit::server
