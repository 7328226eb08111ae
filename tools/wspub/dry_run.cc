#include "wspub/dry_run.h"

#include <utility>

#include "common/protocol/command_text.h"
#include "common/protocol/one_line.h"

namespace wskit::pub {

LineResult<void> DryRun::take(const protocol::PublishEvent& event, const SinkLine& line) {
  event_.clear();
  protocol::append_publish_event(event_, event);
  protocol::append_one_line(output_.buffer(), event_);
  output_.buffer().push_back('\n');
  output_.wrote();
  handler_.on_acknowledged(line.number, {});
  return {};
}

void DryRun::give_up() {
  if (!std::exchange(ended_, true)) handler_.on_sink_end({});
}

}  // namespace wskit::pub
