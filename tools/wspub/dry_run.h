// A sink that shows what would be published: one JSON object a line, the events
// as they would stand in a command. Such lines can be published as they are.
//
// Threads: the io_context's.
#pragma once

#include "common/cli/output.h"
#include "wspub/event_sink.h"

namespace wskit::pub {

class DryRun : public EventSink {
 public:
  // `output` and `handler` must outlive the sink.
  DryRun(cli::Output& output, SinkHandler& handler) : output_(output), handler_(handler) {}

  void start() override { handler_.on_room(); }
  [[nodiscard]] bool can_take() const override { return !ended_ && !output_.congested(); }
  [[nodiscard]] LineResult<void> take(const protocol::PublishEvent& event, const SinkLine& line) override;
  void flush() override { output_.flush(); }
  void finish() override { give_up(); }
  void give_up() override;
  [[nodiscard]] bool is_connected() const override { return true; }
  [[nodiscard]] bool is_away() const override { return false; }
  [[nodiscard]] bool sends_at_once() const override { return true; }
  [[nodiscard]] std::size_t unanswered_lines() const override { return 0; }
  [[nodiscard]] std::size_t dropped_lines() const override { return 0; }
  [[nodiscard]] std::deque<std::string> dropped_records() const override { return {}; }
  [[nodiscard]] std::uint64_t reconnects() const override { return 0; }
  [[nodiscard]] std::uint64_t lines_sent_again() const override { return 0; }

 private:
  cli::Output& output_;
  SinkHandler& handler_;
  std::string event_;
  bool ended_ = false;
};

}  // namespace wskit::pub
