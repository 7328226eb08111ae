#include "wsserve/serve.h"

int main(int argc, char** argv) {
  wskit::server::Options options;
  wskit::cli::Tool tool("wsserve", "Host channels of real-time events for WebSocket clients.");
  wskit::server::add_options(tool, options);
  return tool.main(argc, argv, [&] { return wskit::server::serve(options, tool.notices()); });
}
