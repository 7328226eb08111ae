#include "common/cli/tool.h"
#include "wspub/options.h"
#include "wspub/run.h"

int main(int argc, char** argv) {
  wskit::pub::PubOptions options;
  wskit::cli::Tool tool("wspub", "Publish events, one a line, to the channels of a wsserve.");
  wskit::pub::add_options(tool, options);
  return tool.main(argc, argv, [&] { return wskit::pub::run(options, tool.notices()); });
}
