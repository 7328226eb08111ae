// The command line of wspub: what was typed, and what to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/connect_options.h"
#include "common/cli/tool.h"
#include "wspub/backlog.h"
#include "wspub/delivery.h"
#include "wspub/event_mapper.h"
#include "wspub/line_source.h"
#include "wspub/replay.h"
#include "wspub/time_shift.h"

namespace wskit::pub {

// As it was typed.
struct PubOptions {
  std::string first_operand;             // CHANNEL, or a FILE where the channel comes from an option
  std::vector<std::string> files;        // operands behind the first one
  std::vector<std::string> named_files;  // by --file
  std::string channel;
  std::string channel_from;
  std::string replace_with;
  std::string type;
  std::string type_from;
  std::string key_from;
  std::string time_from;
  std::string data_from;

  std::vector<std::string> messages;
  bool nul = false;
  bool whole = false;
  InputKind input = InputKind::kJson;
  std::string on_invalid = "fail";
  bool follow = false;
  std::uint64_t max_line = std::uint64_t{1} << 20;

  std::optional<double> rate;
  std::optional<std::uint64_t> burst;
  std::string replay;
  std::optional<double> speed;
  std::optional<std::chrono::nanoseconds> max_gap;
  std::string loop;  // times, or inf; empty: once
  // The word behind --loop, where it is no number of times but an operand, and how many
  // operands stand before it.
  struct Operand {
    std::string text;
    std::size_t before = 0;
  };
  std::optional<Operand> loop_operand;
  std::string shift_time;

  Acknowledge ack = Acknowledge::kServer;
  // As fast as any larger one, and with what a journal may be behind still fewer lines
  // than a server remembers by default (10,000): all of them may have to be sent again.
  std::uint64_t window = 8192;
  std::chrono::nanoseconds ack_timeout = std::chrono::seconds{10};
  bool dedup = true;
  std::string journal;

  std::optional<std::uint64_t> queue;
  std::string on_full = "block";

  bool receipts = false;
  bool tee = false;
  bool dry_run = false;
  std::string stats;  // the period; empty: none

  cli::ConnectOptions connect;
};

void add_options(cli::Tool& tool, PubOptions& options);

enum class OnInvalid : std::uint8_t { kFail, kSkip, kSetAside };

// What to do.
struct PubPlan {
  MappingOptions mapping;
  SourceOptions source;
  bool operand_is_file = false;  // the only one, which could have been the channel
  OnInvalid on_invalid = OnInvalid::kFail;
  std::string dead_letter_file;  // of kSetAside
  std::optional<double> rate;
  std::uint64_t burst = 1;                // lines at once, after a break
  std::optional<Replay::Options> replay;  // by MappingOptions::replay_by
  std::optional<TimeShift> shift_time;
  std::uint64_t passes = 1;  // over the input; 0: without end
  BacklogOptions backlog;
  DeliveryOptions delivery;
  std::string journal_file;  // empty: none
  bool receipts = false;
  bool tee = false;
  bool dry_run = false;
  std::optional<std::chrono::nanoseconds> stats;
};

// Throws cli::UsageError for what does not go together.
[[nodiscard]] PubPlan make_plan(const PubOptions& options);

}  // namespace wskit::pub
