// What the running server goes by, and what another reading of its configuration
// changes about that.
//
// Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wsserve/config/program.h"
#include "wsserve/settings.h"

namespace wskit::server {

class LiveConfig {
 public:
  // `started` was read from `command_line`, and `tls` from the files that it names.
  LiveConfig(const Program& started, CommandLine command_line, TlsContextPtr tls);

  struct Reload {
    // What is wrong, a line each; then nothing else is said, and nothing changes.
    std::vector<std::string> errors;
    std::optional<Settings> settings;
    std::string summary;  // "/etc/wskit/wsserve.toml: 3 rules, 1 value changed: …"
    // What differs but cannot change before a restart, and what is doubtful, a line
    // each.
    std::vector<std::string> left;
  };

  // Each as the file has it, by the name of its kind.
  using Tables = std::map<std::string, std::vector<std::string>>;

  // Reads command line, environment and file again.
  [[nodiscard]] Reload reload();

 private:
  using Values = std::map<std::string, std::string>;

  void take_tls(const TlsFiles& files, Reload& result);
  void take_access(const auth::AccessOptions& access, Reload& result, std::vector<std::string>& changes);
  void take_tables(Tables tables, std::string& summary);
  void take_values(const Program& program, Reload& result, std::vector<std::string>& changes);

  const CommandLine command_line_;
  Values values_;  // by option, as they are in effect
  TlsContextPtr tls_;
  Tables tables_;
  auth::Policy policy_;
};

}  // namespace wskit::server
