#include "wsserve/serve.h"

int main(int argc, char** argv) {
  wskit::server::Program program;
  return program.tool.main(argc, argv, [&] { return wskit::server::serve(program, {argc, argv}); });
}
