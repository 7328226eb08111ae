// Where mapped lines go: to a server (delivery.h), or, for a dry run, to stdout.
//
// Threads: the io_context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "common/client/failure.h"
#include "common/protocol/command.h"
#include "common/protocol/reply.h"
#include "wspub/line_error.h"

namespace wskit::pub {

// A line as it goes through a sink.
struct SinkLine {
  std::uint64_t number = 0;                            // counted over the whole run
  std::string_view record;                             // as it was read; empty where it was not kept
  std::optional<std::uint32_t> digest = std::nullopt;  // of the record, where its mark is to have it
};

// Whom a sink tells what became of its lines. None of the calls may destroy it.
class SinkHandler {
 public:
  virtual ~SinkHandler() = default;

  // can_take() may have become true.
  virtual void on_room() = 0;

  // Each line that was taken ends in exactly one of these, or counts in
  // unanswered_lines() or dropped_lines() when the sink has ended. A sink that
  // asks for no acknowledgements calls the first as it sends; a refusal then
  // comes on top, without the line's number.
  virtual void on_acknowledged(std::uint64_t line, const protocol::Published& published) = 0;
  virtual void on_refused(const SinkLine& line, std::string_view code, std::string_view message) = 0;
  // It was sent again, and the server has forgotten whether it had it.
  virtual void on_forgotten(std::uint64_t line, std::string_view message) = 0;

  // Once, last: the sink is done (kNone), or could not go on.
  virtual void on_sink_end(const client::Failure& why) = 0;
};

class EventSink {
 public:
  virtual ~EventSink() = default;

  virtual void start() = 0;

  // Whether the next line may be handed over. While it says no, no input is read.
  [[nodiscard]] virtual bool can_take() const = 0;

  // Takes one event; the reason where the server would certainly refuse it.
  // REQUIRES: can_take().
  [[nodiscard]] virtual LineResult<void> take(const protocol::PublishEvent& event, const SinkLine& line) = 0;

  // No further line is at hand now: what was taken leaves.
  virtual void flush() = 0;

  // No line will follow: ends once everything taken is answered.
  virtual void finish() = 0;

  // Ends without waiting for answers.
  virtual void give_up() = 0;

  // Whether answers can come at all at this moment.
  [[nodiscard]] virtual bool is_connected() const = 0;

  // The server is not there, or takes nothing for now: room may be long in coming.
  [[nodiscard]] virtual bool is_away() const = 0;

  // Whether a line that is taken now leaves with the next flush(). Else it waits for
  // others, and they would all leave in one moment.
  [[nodiscard]] virtual bool sends_at_once() const = 0;

  // Taken, and sent at least once, and not answered.
  [[nodiscard]] virtual std::size_t unanswered_lines() const = 0;
  // Taken and certainly not published.
  [[nodiscard]] virtual std::size_t dropped_lines() const = 0;
  // The records of dropped lines, in order, where the sink keeps records.
  [[nodiscard]] virtual std::deque<std::string> dropped_records() const = 0;
  [[nodiscard]] virtual std::uint64_t reconnects() const = 0;
  // Lines that were refused for a moment (RATE_LIMITED, UNAVAILABLE), each as often
  // as it was.
  [[nodiscard]] virtual std::uint64_t lines_sent_again() const = 0;
};

}  // namespace wskit::pub
