// Lines that were read while the server is away, between the source and the sink:
// up to a number of them in memory, so that a short outage does not stop the
// program that writes them. What happens beyond is the user's choice (OnFull).
//
// Only input that somebody may be waiting to write is read ahead; files wait.
//
// Threads: the io_context's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wspub/event_mapper.h"
#include "wspub/line_source.h"
#include "wspub/spill_file.h"

namespace wskit::pub {

enum class OnFull : std::uint8_t {
  kBlock,       // nothing more is read, so that the writer waits
  kDropOldest,  // the oldest line held goes, and is counted
  kSpill,       // further lines wait in a file
};

struct BacklogOptions {
  std::uint64_t lines = 1000;
  OnFull on_full = OnFull::kBlock;
  std::string spill_file;
  InputKind input = InputKind::kJson;  // in text, a blank line is a line
};

class Backlog {
 public:
  using Item = LineSource::Item;

  // `source` must outlive the backlog; `records` says how it is cut.
  Backlog(LineSource& source, BacklogOptions options, const SourceOptions& records);

  // Gets the spill file, if there is to be one. Empty, or what is wrong.
  [[nodiscard]] std::string open();

  // What is held, in order, then the source's. Items as the source's: valid until
  // the next call.
  [[nodiscard]] Item next();
  void put_back(const Item& item);

  // Whether next() would ask the source.
  [[nodiscard]] bool empty() const;
  // Of an item kFailed.
  [[nodiscard]] std::string_view error() const;

  enum class Ahead : std::uint8_t {
    kRead,
    kWait,     // nothing is there now
    kStopped,  // nothing more is to be read for now
  };
  // Takes one item from the source.
  [[nodiscard]] Ahead read_ahead();
  // What was read ahead into the spill file is in it, as far as the disk takes it:
  // the end of this process does not take it along.
  void flush();
  // Whether what waits for the server belongs into a file rather than into memory.
  [[nodiscard]] bool has_file() const { return spill_ != nullptr; }
  // Whether a record has been read in part, and next() is not to be called before
  // read_ahead() has come to its end.
  [[nodiscard]] bool must_read_on() const { return within_record_ && to_spill_; }

  // Lines that wait here, and those that were dropped.
  [[nodiscard]] std::uint64_t lines() const;
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  // Why the spill file takes nothing; empty: it does.
  [[nodiscard]] std::string_view spill_error() const;

  // The run is over. Lines that were read and are published by nobody: those handed
  // out and handed back (`before`), held here, and not yet handed out by the source.
  struct Rest {
    std::uint64_t kept = 0;  // they are in the spill file
    std::uint64_t lost = 0;
    std::string error;  // why those that should be kept are not
  };
  [[nodiscard]] Rest finish(const std::deque<std::string>& before);

  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // in memory

 private:
  struct Held {
    LineSource::Kind kind;
    std::string text;
    std::uint64_t number;
    bool last;
  };

  [[nodiscard]] bool is_full() const { return lines_ >= options_.lines || bytes_ >= kMaxBytes; }
  [[nodiscard]] bool must_block() const;
  [[nodiscard]] bool is_line(LineSource::Kind kind, std::string_view text) const;
  [[nodiscard]] Item next_spilled();
  [[nodiscard]] std::uint64_t spill_source();
  void hold(const Item& item);
  void keep_within_bounds();
  [[nodiscard]] bool drop_oldest();
  void forget(const Held& held);

  LineSource& source_;
  BacklogOptions options_;
  RecordFormat format_;
  std::unique_ptr<SpillFile> spill_;
  std::deque<Held> held_;
  std::uint64_t lines_ = 0;  // of held_: records, however long
  std::size_t bytes_ = 0;    // of held_
  Held current_{};           // handed out last, if it was held
  std::optional<Item> put_back_;
  enum class From : std::uint8_t { kSource, kHere } last_from_ = From::kSource;
  std::uint64_t last_number_ = 0;                 // handed out
  bool to_spill_ = false;                         // where the rest of a record goes
  bool within_record_ = false;                    // of which the rest is still to be read ahead
  bool within_dropped_ = false;                   // and it is dropped
  bool within_spilled_ = false;                   // handing out the rest of one from the file
  std::optional<LineSource::Kind> source_ended_;  // after what is held: kEnd or kFailed
  std::uint64_t spilled_blanks_ = 0;              // records in the file that are no lines
  bool unreadable_ = false;                       // the file is
  std::uint64_t dropped_ = 0;
};

}  // namespace wskit::pub
