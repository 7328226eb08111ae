#include "common/cli/tool.h"
#include "wsbench/limit_command.h"
#include "wsbench/options.h"
#include "wsbench/session.h"

int main(int argc, char** argv) {
  if (wskit::bench::is_limit_command(argc, argv)) return wskit::bench::run_limit_command(argv);
  wskit::bench::Options options;
  wskit::cli::Tool tool("wsbench", "Measure WebSocket servers: fan-out, latency, loss, cost per delivery.");
  wskit::bench::add_options(tool, options);
  return tool.main(argc, argv, [&] {
    wskit::bench::check_typed(tool, options);
    return wskit::bench::run(options, tool.notices());
  });
}
