// The acknowledgement window: commands handed over and not yet answered, in the
// order of their lines, bounded by lines and by bytes.
//
// Knows no socket and no clock of its own; it says what must be sent (again) and
// how long the oldest answer has been awaited.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "wspub/publish_command.h"

namespace wskit::pub {

class Window {
 public:
  using Clock = std::chrono::steady_clock;
  using CommandPtr = std::unique_ptr<PublishCommand>;

  struct Limits {
    std::size_t lines = 1024;
    std::size_t bytes = std::size_t{64} << 20;
  };

  explicit Window(Limits limits) : limits_(limits) {}

  // Whether a command with `lines` more lines and `bytes` more bytes fits; one
  // line always fits into an empty window, however long it is.
  [[nodiscard]] bool has_room(std::size_t lines, std::size_t bytes) const;

  // An empty command to fill, and where it goes if it was not pushed.
  [[nodiscard]] CommandPtr acquire();
  void recycle(CommandPtr command);

  // Adds a sealed command behind all others. It is not sent yet.
  void push(CommandPtr command);

  // The command `id` that awaits an answer; null if none does (an answer that
  // came twice).
  [[nodiscard]] const PublishCommand* awaiting(std::uint64_t id);

  // Whether command `id` may have been published before its answer came: a
  // connection was lost while it was on its way. REQUIRES: it awaits an answer.
  [[nodiscard]] bool is_in_doubt(std::uint64_t id);

  // The answer to command `id` has come: it leaves the window. REQUIRES:
  // it awaits one.
  [[nodiscard]] CommandPtr take(std::uint64_t id);

  // Puts `parts` into the place of a command that was refused; they are not sent
  // yet. REQUIRES: it awaits an answer.
  [[nodiscard]] CommandPtr replace(std::uint64_t id, std::vector<CommandPtr> parts);

  // The server cannot take command `id` now: it is to be sent again, later.
  // REQUIRES: it awaits an answer.
  void put_back(std::uint64_t id);

  // The connection is gone, and with it every answer.
  void connection_lost();

  // Calls `send` for each command that is not on its way, in order, as long as
  // fewer than `limit` are on their way.
  void send_pending(Clock::time_point now, std::size_t limit,
                    const std::function<void(const PublishCommand&)>& send);

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t lines() const { return lines_; }
  [[nodiscard]] std::size_t commands() const { return entries_.size(); }
  [[nodiscard]] bool has_pending() const { return on_the_way_ != entries_.size(); }
  [[nodiscard]] std::size_t on_the_way() const { return on_the_way_; }

  // Lines that are certainly not published: never sent, or refused whenever they were.
  [[nodiscard]] std::size_t lines_unpublished() const;

  // Calls `visit` for each command whose lines those are, in order.
  template <class Visit>
  void for_each_unpublished(Visit visit) const {
    for (const Entry& entry : entries_) {
      if (entry.is_unpublished()) visit(*entry.command);
    }
  }

  // Puts what `replace` makes of each command into its place; null leaves it.
  // REQUIRES: none is on its way.
  void rewrite(const std::function<CommandPtr(const PublishCommand&)>& replace);

  // Whether commands behind the first one that is to be sent are on their way:
  // what of them is accepted now overtakes it.
  [[nodiscard]] bool first_is_waiting() const { return !entries_.empty() && !entries_.front().on_the_way; }

  // When the oldest command that awaits an answer was sent.
  [[nodiscard]] std::optional<Clock::time_point> oldest_sent() const;

 private:
  struct Entry {
    CommandPtr command;
    bool on_the_way = false;
    bool in_doubt = false;  // was on its way when a connection was lost
    Clock::time_point sent_at{};

    [[nodiscard]] bool is_unpublished() const { return !on_the_way && !in_doubt; }
  };
  using Entries = std::deque<Entry>;

  [[nodiscard]] Entries::iterator find(std::uint64_t id);
  CommandPtr remove(Entries::iterator entry);

  Limits limits_;
  Entries entries_;
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
  std::size_t on_the_way_ = 0;
  std::vector<CommandPtr> spare_;
};

}  // namespace wskit::pub
