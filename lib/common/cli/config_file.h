// Values for options that were given neither on the command line nor in the
// environment, from a TOML file:
//
//     [default]            # every tool that has the option
//     url = "ws://localhost:9000"
//     [wstap]              # one tool
//     output = "json"
//     [profile.prod]       # with --profile prod, over the others
//     url = "wss://stream.example.com"
//
// Keys are long option names without the dashes.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/cli/values.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace wskit::cli {

struct ConfigChoice {
  std::optional<std::filesystem::path> file;  // named by the user, so it must exist
  std::string profile;                        // empty: none
};

// $WSKIT_CONFIG, else $XDG_CONFIG_HOME/wskit/config.toml, else
// ~/.config/wskit/config.toml; empty where none of them is known.
[[nodiscard]] std::filesystem::path default_config_path();

// Where the value of an option came from, for people: "command line",
// "environment WSKIT_URL", "/home/…/config.toml [wstap]", "default".
using Origins = std::map<const CLI::Option*, std::string>;

// Gives every option of `app` (and of its subcommand that was parsed) that has
// no value yet the file's. REQUIRES: app.parse() has succeeded. Errors are the
// user's: an unreadable file, a key that names no option, a bad value.
[[nodiscard]] ValueResult<Origins> apply_config(CLI::App& app, const ConfigChoice& choice);

// One `name = value  # origin` a line, in TOML; secrets are not shown.
[[nodiscard]] std::string print_config(const CLI::App& app, const Origins& origins);

}  // namespace wskit::cli
