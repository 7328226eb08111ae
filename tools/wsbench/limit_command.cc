#include "wsbench/limit_command.h"

#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "common/websocket/handshake.h"
#include "wsbench/crew.h"
#include "wsbench/limit_server.h"

namespace wskit::bench {
namespace {

constexpr std::string_view kCommand = "limit-writer";

}  // namespace

std::vector<std::string> limit_command() {
  return {"/proc/self/exe", std::string(kCommand), websocket::accept_token(kSharedKey)};
}

bool is_limit_command(int argc, const char* const* argv) { return argc == 3 && argv[1] == kCommand; }

int run_limit_command(const char* const* argv) {
  try {
    LimitServer server(argv[2]);
    fmt::print("ws://127.0.0.1:{}\n", server.port());
    std::fflush(stdout);
    server.run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "wsbench: {}\n", error.what());
    return 70;
  }
}

}  // namespace wskit::bench
