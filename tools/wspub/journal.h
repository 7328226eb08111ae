// What of an input has been dealt with, across runs: passes over the records
// that an earlier run brought to their end, and keeps the journal file
// (journal_file.h) at the last record before which all are done.
//
// A record is done when the server has acknowledged it, or when it was skipped as
// asked. Up to where the journal stands the input must be the one it was written
// for: the records passed over are read and compared by their checksum.
//
// Where a file is followed, its name comes to stand for one file after the other. Then
// each is an input of its own, and the mark stands in one of them (journal_input.h
// finds it again).
//
// A run that is killed may have published up to kMaxAhead records, and what was in
// its window, that the journal does not know of. The next one sends them again
// under the same marks (sequences, or dedup ids), and the server knows them.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "wspub/input_mark.h"
#include "wspub/journal_file.h"
#include "wspub/journal_writer.h"
#include "wspub/line_source.h"

namespace wskit::pub {

class Journal {
 public:
  // `moved`: more may be on the disk, has_room() or error() may have changed.
  Journal(boost::asio::io_context& io, std::function<void()> moved) : io_(io), moved_(std::move(moved)) {}

  // `producer` names this run's events if the journal is new. Empty, or what is
  // wrong, with the remedy.
  [[nodiscard]] std::string open(const std::string& path, Separator separator, std::string producer);

  // Who has published so far under this journal, and goes on to.
  [[nodiscard]] const std::string& producer() const { return entry_.producer; }

  // What it says. Before the first item.
  [[nodiscard]] const JournalEntry& entry() const { return entry_; }

  // Records of the present input that an earlier run has dealt with.
  [[nodiscard]] std::uint64_t done_before() const { return done_before_.records; }

  // The mark's input is not there: what comes is another one, and new from its first
  // record on. Before the first item.
  void begin_anew();
  // What comes next is a file with `inode`, and where it is not the first one, another
  // input than that so far, behind which its records count on.
  void begin_file(std::uint64_t inode);
  // Records of the inputs before the present one.
  [[nodiscard]] std::uint64_t before() const { return before_; }

  enum class Seen : std::uint8_t {
    kNew,    // to be dealt with
    kDone,   // an earlier run has dealt with it
    kOther,  // the input is not the one of the journal; error() says so
  };
  // Every item with text from the source goes through here, in order. A record
  // that was put back may come again.
  [[nodiscard]] Seen see(const LineSource::Item& item);
  // The input is over. Empty, or that it is not the one of the journal.
  [[nodiscard]] std::string see_end();

  // The checksum of the record seen last, which goes into its mark: should the input
  // have become another one, its records are no duplicates.
  [[nodiscard]] std::uint32_t record_digest() const { return meter_.record_digest(); }

  // Record `number` is done; they count over all inputs of the journal.
  void settle(std::uint64_t number);

  // What is settled by now goes to the disk, soon.
  void commit();

  // Nothing that was not committed is: its traces elsewhere are lost.
  void freeze() { frozen_ = true; }

  // Whether a further record may be published; if not, the disk is behind.
  [[nodiscard]] bool has_room() const;

  // What went wrong with the file or the input; empty: nothing.
  [[nodiscard]] std::string error() const;

  // What is settled is on the disk when this returns. Empty, or why that is not so.
  [[nodiscard]] std::string finish();

  // Records that the disk may be behind: with what is in the default window still
  // fewer than a server remembers by default (10,000).
  static constexpr std::uint64_t kMaxAhead = 1536;

 private:
  // A record that was seen and is not yet behind the mark.
  struct Open {
    std::uint64_t before = 0;  // records of the inputs before its own
    std::uint64_t inode = 0;
    InputMark after{};  // once it has been read whole
    bool read = false;
    bool settled = false;
  };

  [[nodiscard]] std::string other_input(const std::string& how) const;

  boost::asio::io_context& io_;
  std::function<void()> moved_;
  JournalFile file_;
  JournalEntry entry_;
  InputMark done_before_;
  InputMeter meter_;
  std::uint64_t before_ = 0;  // records of the inputs before the one that is read
  std::uint64_t inode_ = 0;   // of that one
  bool within_file_ = false;  // a first one has begun
  std::deque<Open> open_;     // the first one is record entry_.records() + 1
  std::string other_;
  bool frozen_ = false;
  std::optional<JournalWriter> writer_;
};

}  // namespace wskit::pub
