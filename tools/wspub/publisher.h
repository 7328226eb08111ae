// A run of wspub: lines in, events out, and what is said about them.
//
// Takes lines from the source as the sink has room and the pace allows, and
// decides what happens to those that cannot be published.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/cli/exit_code.h"
#include "common/cli/notices.h"
#include "common/cli/output.h"
#include "wspub/backlog.h"
#include "wspub/dead_letters.h"
#include "wspub/event_mapper.h"
#include "wspub/event_sink.h"
#include "wspub/input_copy.h"
#include "wspub/journal.h"
#include "wspub/line_source.h"
#include "wspub/options.h"
#include "wspub/pacer.h"
#include "wspub/replay.h"
#include "wspub/totals.h"

namespace wskit::pub {

class Delivery;

class Publisher : private SinkHandler {
 public:
  // Records (receipts, the copied input, a dry run) go to `stdout_fd`. `done` is
  // called once, when nothing is left to do; outcome() is known by then.
  Publisher(boost::asio::io_context& io, PubPlan plan, cli::Notices& notices, int stdout_fd,
            std::function<void()> done);
  ~Publisher() override;

  void start();

  // The first SIGINT or SIGTERM: what has been read is brought to its end, as
  // long as the server answers.
  void stop(int signal);

  // One line of statistics on stderr.
  void report();

  [[nodiscard]] cli::Outcome outcome() const { return outcome_; }
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  using Clock = std::chrono::steady_clock;

  void on_room() override;
  void on_acknowledged(std::uint64_t line, const protocol::Published& published) override;
  void on_refused(const SinkLine& line, std::string_view code, std::string_view message) override;
  void on_forgotten(std::uint64_t line, std::string_view message) override;
  void on_sink_end(const client::Failure& why) override;

  // Whether another line can be taken in the same turn of the loop.
  enum class Turn : std::uint8_t { kGoesOn, kEnds };
  void pump();
  void pump_later();
  [[nodiscard]] Turn take_next();
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] Turn read_ahead();
  void tell_of_backlog();
  [[nodiscard]] Turn take_item(const LineSource::Item& item);
  [[nodiscard]] Turn take_record(const LineSource::Item& item);
  void take_too_long(const LineSource::Item& item);
  void wait_for_input();
  void wait_for_pace(Clock::time_point until);
  // Whether the turn of the line that was mapped last has come in the replay; if
  // not, it is waited for. `time` is its own.
  [[nodiscard]] bool replay_is_due(const LineSource::Item& item, protocol::SystemMicros time);
  void shift_timestamp(protocol::PublishEvent& event, protocol::SystemMicros time);
  [[nodiscard]] Turn take_end();
  void stop_taking();

  [[nodiscard]] LineSource::Witness copier();
  void say_on_terminal(std::string_view message);
  [[nodiscard]] bool writes_to_terminal() const;
  [[nodiscard]] std::string open_files();
  void find_followed_file();
  [[nodiscard]] Journal::Seen see(const LineSource::Item& item);
  void tell_done_before();
  void on_journal_moved();
  void settle(std::uint64_t line);
  void refuse_line(const LineSource::Item& item, const LineError& error);
  void skip(std::uint64_t line, std::string_view what);
  void fail(cli::ExitCode code, std::string_view message);
  void keep_what_is_done();
  void write_receipt(std::uint64_t line, const protocol::Published& published);
  void on_output_end(cli::Output::End end, int error);

  void settle_totals();
  void conclude(const client::Failure& why);
  [[nodiscard]] cli::ExitCode exit_code(const client::Failure& why) const;
  [[nodiscard]] DoneWord done_word() const;
  [[nodiscard]] bool summary_says_something() const;
  [[nodiscard]] std::string status() const;
  void tick(std::chrono::nanoseconds period);

  boost::asio::io_context& io_;
  int stdout_fd_;
  PubPlan plan_;
  cli::Notices& notices_;
  std::function<void()> done_;

  cli::Output output_;
  std::unique_ptr<EventSink> sink_;
  Delivery* delivery_ = nullptr;  // the sink, if it is one
  InputCopy copy_;                // of --tee
  LineSource source_;
  Backlog backlog_;
  bool told_dropped_ = false;  // that the backlog drops lines
  bool told_spill_error_ = false;
  EventMapper mapper_;
  std::optional<Pacer> pacer_;
  std::optional<Replay> replay_;
  std::uint64_t placed_ = 0;            // the line of due_
  Clock::time_point due_{};             // by the replay
  std::uint64_t passes_ = 1;            // begun, over the input
  std::uint64_t read_before_pass_ = 0;  // lines, when the present one began
  DeadLetters dead_letters_;
  std::optional<Journal> journal_;
  bool told_done_before_ = false;
  std::size_t input_ = 0;  // of the last item, where a file is followed with a journal

  boost::asio::steady_timer pace_timer_;
  boost::asio::steady_timer status_timer_;
  boost::asio::steady_timer stop_timer_;
  bool waiting_for_input_ = false;
  bool waiting_for_pace_ = false;
  bool pump_posted_ = false;
  bool taking_ = true;  // lines are still to be taken from the source
  bool ended_ = false;  // the sink has
  bool skipped_one_ = false;
  std::uint64_t forgotten_ = 0;  // lines of which the server does not know whether it had them

  Totals totals_;
  Clock::time_point began_ = Clock::now();
  std::optional<Clock::time_point> first_line_;
  std::optional<cli::ExitCode> verdict_;  // of what ended the taking before the input was over
  cli::Outcome outcome_;
};

}  // namespace wskit::pub
