// How a run ends, and what is said of it meanwhile.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/cli/values.h"
#include "wspub/delivery.h"
#include "wspub/publisher.h"

namespace wskit::pub {

void Publisher::on_sink_end(const client::Failure& why) {
  ended_ = true;
  taking_ = false;
  pace_timer_.cancel();
  status_timer_.cancel();
  stop_timer_.cancel();
  keep_what_is_done();
  if (journal_) {
    if (const std::string error = journal_->finish(); !error.empty()) fail(cli::ExitCode::kLocalIo, error);
  }
  settle_totals();
  output_.finish([this, why] { conclude(why); });
}

void Publisher::settle_totals() {
  const std::deque<std::string> unpublished =
      plan_.backlog.on_full == OnFull::kSpill ? sink_->dropped_records() : std::deque<std::string>();
  const Backlog::Rest rest = backlog_.finish(unpublished);
  if (!rest.error.empty()) fail(cli::ExitCode::kLocalIo, rest.error);
  const std::uint64_t of_sink = sink_->dropped_lines();
  totals_.kept = rest.kept;
  totals_.read += rest.kept + rest.lost + backlog_.dropped() - unpublished.size();
  totals_.left = rest.lost + of_sink - unpublished.size();
  totals_.dropped = totals_.left + backlog_.dropped();
  totals_.unacknowledged = sink_->unanswered_lines() + forgotten_;
  totals_.reconnects = sink_->reconnects();
  totals_.sent_again = sink_->lines_sent_again();
  if (replay_) totals_.out_of_order = replay_->out_of_order();
  if (done_word() == DoneWord::kSent) {
    totals_.acknowledged -= std::min<std::uint64_t>(totals_.acknowledged, of_sink);
  }
  totals_.elapsed = Clock::now() - began_;
}

void Publisher::conclude(const client::Failure& why) {
  ended_ = true;
  notices_.set_status("");
  if (why.kind != client::FailureKind::kNone) notices_.error("{}", why.message);
  outcome_.code = exit_code(why);
  const bool never_began = why.kind != client::FailureKind::kNone && totals_.read == 0;
  if (!never_began && summary_says_something()) notices_.notice("{}", summary(totals_, done_word()));
  if (totals_.kept != 0) {
    const std::string& file = plan_.backlog.spill_file;
    notices_.notice("{} holds the {} lines that were not published: wspub … {} publishes them", file,
                    totals_.kept, file);
  }
  done_();
}

// That all is well is told to people who wait for it, and to those who asked.
bool Publisher::summary_says_something() const {
  const bool is_plain = totals_.is_plain() && outcome_.code == cli::ExitCode::kOk && outcome_.signal == 0;
  if (!is_plain || plan_.stats || notices_.options().verbose > 0) return true;
  return notices_.shows_status() && plan_.source.messages.empty();
}

cli::ExitCode Publisher::exit_code(const client::Failure& why) const {
  const bool was_connected = delivery_ != nullptr && delivery_->was_connected();
  switch (why.kind) {
    case client::FailureKind::kUnreachable:
      return was_connected ? cli::ExitCode::kLost : cli::ExitCode::kUnreachable;
    case client::FailureKind::kLost:
      return delivery_->gave_up_waiting() ? cli::ExitCode::kIntegrity : cli::ExitCode::kLost;
    case client::FailureKind::kRefused:
      return cli::ExitCode::kRefused;
    case client::FailureKind::kNone:
      break;
  }
  if (verdict_) return *verdict_;
  const bool all_done = totals_.dropped == 0 && totals_.kept == 0 && totals_.unacknowledged == 0;
  return all_done ? cli::ExitCode::kOk : cli::ExitCode::kIntegrity;
}

// --- what is said about it

DoneWord Publisher::done_word() const {
  if (plan_.dry_run) return DoneWord::kShown;
  return plan_.delivery.acknowledge == Acknowledge::kServer ? DoneWord::kAcknowledged : DoneWord::kSent;
}

std::string Publisher::status() const {
  const double seconds = first_line_ ? std::chrono::duration<double>(Clock::now() - *first_line_).count() : 0;
  const double rate = seconds > 0 ? static_cast<double>(totals_.acknowledged) / seconds : 0;
  std::string text = fmt::format("read {}, done {} ({:.0f}/s), in flight {}, skipped {}, reconnects {}",
                                 totals_.read, totals_.acknowledged, rate, sink_->unanswered_lines(),
                                 totals_.skipped, sink_->reconnects());
  if (replay_ && replay_->started()) {
    fmt::format_to(std::back_inserter(text), ", at {} ({})",
                   protocol::Timestamp(replay_->position()).text().substr(0, 19),
                   cli::format_speed(plan_.replay->speed));
  }
  if (const auto queued = backlog_.lines(); queued != 0 || backlog_.dropped() != 0) {
    fmt::format_to(std::back_inserter(text), ", queued {}, dropped {}", queued, backlog_.dropped());
  }
  if (passes_ > 1) fmt::format_to(std::back_inserter(text), ", pass {}", passes_);
  if (const auto position = source_.position()) {
    fmt::format_to(std::back_inserter(text), ", {} {:.0f}%", position->name, position->share * 100);
  }
  return text;
}

void Publisher::report() { notices_.answer("{}", status()); }

void Publisher::tick(std::chrono::nanoseconds period) {
  status_timer_.expires_after(period);
  status_timer_.async_wait([this, period](const boost::system::error_code& error) {
    if (error || ended_) return;
    if (plan_.stats) {
      report();
    } else {
      notices_.set_status(status());
    }
    tick(period);
  });
}

}  // namespace wskit::pub
