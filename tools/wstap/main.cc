#include "common/cli/tool.h"
#include "wstap/options.h"
#include "wstap/tap.h"

int main(int argc, char** argv) {
  wskit::tap::TapOptions options;
  wskit::cli::Tool tool("wstap", "Print the events of channels of a wsserve server.");
  wskit::tap::add_options(tool, options);
  return tool.main(argc, argv, [&] { return wskit::tap::run(options, tool.notices()); });
}
