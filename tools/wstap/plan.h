// What a run is to do, from what the options mean together.
//
// Threads: plain values.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/protocol/position.h"
#include "common/protocol/timestamp.h"
#include "wstap/cursor_file.h"
#include "wstap/history_player.h"
#include "wstap/options.h"
#include "wstap/range_end.h"
#include "wstap/selection.h"
#include "wstap/subscriber.h"

namespace wskit::tap {

// The cursor cannot be read or written.
class CursorFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TapPlan {
  SubscriberOptions subscriber;
  std::optional<CursorFile> cursor;
  std::string cursor_warning;  // what is odd about the cursor; empty: nothing
  // How dates and times of day were understood, as in " from 2026-11-20T09:30:00+01:00";
  // empty: nothing to say.
  std::string told_range;
  // What somebody who knows other systems may have meant otherwise.
  std::vector<std::string> hints;
};

// Opens and locks the cursor. Throws cli::UsageError, which names the remedy, for
// options that make no sense together, and CursorFailure where the system refuses
// the cursor. Durations count back from `now`, times of day are of its day here; `format` is not kAuto.
[[nodiscard]] TapPlan make_plan(const TapOptions& options, Format format, protocol::SystemMicros now);

}  // namespace wskit::tap
