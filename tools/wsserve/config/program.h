// wsserve's command line and everything that is read by it.
#pragma once

#include "common/cli/tool.h"
#include "wsserve/config/options.h"
#include "wsserve/config/token_command.h"

namespace wskit::server {

// Made anew for each reading of the configuration.
struct Program {
  Program() {
    add_options(tool, options);
    add_token_command(tool, token);
  }

  Options options;
  TokenOptions token;
  cli::Tool tool{"wsserve", "Host channels of real-time events for WebSocket clients."};
};

// As main() got it.
struct CommandLine {
  int argc = 0;
  const char* const* argv = nullptr;
};

}  // namespace wskit::server
