#include "wspub/run.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <utility>

#include "common/cli/signals.h"
#include "wspub/publisher.h"

namespace wskit::pub {

cli::Outcome run(const PubOptions& options, cli::Notices& notices) {
  PubPlan plan = make_plan(options);
  boost::asio::io_context io(1);
  Publisher publisher(io, std::move(plan), notices, STDOUT_FILENO, [&io] { io.stop(); });
  const cli::Signals signals(
      io, [&publisher](int signal) { publisher.stop(signal); }, [&publisher] { publisher.report(); });
  publisher.start();
  io.run();
  return publisher.outcome();
}

}  // namespace wskit::pub
