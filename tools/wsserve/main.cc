#include "wsserve/server/serve.h"

int main(int argc, char** argv) {
  wskit::server::Program program;
  return program.tool.main(argc, argv, [&] {
    if (program.token.asked_for()) {
      return wskit::server::run_token_command(program.token, program.options.access, program.tool.notices());
    }
    return wskit::server::serve(program, {argc, argv});
  });
}
