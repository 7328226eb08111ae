// Where lines come from: messages of the command line, stdin, files, one after
// the other, as one numbered sequence of records. A file that is followed begins
// anew where it is cut short, or where its name stands for another file.
//
// Reads only when asked for a record that it does not hold, and never waits for
// input except in async_wait: a full window thus reaches the engine through its
// own pipe.
//
// Threads: the io_context's.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wspub/file_watch.h"
#include "wspub/readable.h"
#include "wspub/record_splitter.h"

namespace wskit::pub {

struct SourceOptions {
  std::vector<std::string> messages;  // if any, nothing else is read
  std::vector<std::string> files;     // "-" is stdin; none: stdin
  int stdin_fd = 0;
  bool follow = false;  // the last file has no end: what is appended to it is read
  Separator separator = Separator::kNewline;
  std::size_t max_line_bytes = std::size_t{1} << 20;
};

class LineSource {
 public:
  enum class Kind : std::uint8_t {
    kRecord,
    kTooLong,  // the beginning of a record that is too long; kRest follows until `last`
    kRest,
    kWait,  // nothing is there now
    kEnd,
    kFailed,  // error() says why; the source is over
  };
  struct Item {
    Kind kind = Kind::kWait;
    std::string_view text{};   // valid until the next call of next()
    std::uint64_t number = 0;  // counted over all inputs, from 1
    bool last = true;
  };

  // Who sees every byte as it is read, and where each input ends; both may be empty.
  struct Witness {
    std::function<void(std::string_view)> bytes;
    std::function<void()> end;
  };
  LineSource(boost::asio::io_context& io, SourceOptions options, Witness witness);
  ~LineSource();
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  // Before the first next(): reads these files before the last one.
  void read_before_last(const std::vector<std::string>& files);
  // Before the first next(): so many records have been counted elsewhere.
  void count_from(std::uint64_t records) { records_ = records; }

  [[nodiscard]] Item next();

  // The record that next() returned last comes again: its time has not come.
  void put_back(const Item& item) { put_back_ = item; }

  // After kWait: calls `ready` once when next() has something to say.
  void async_wait(std::function<void()> ready);

  // Begins again with the first input; numbers go on. REQUIRES: kEnd, and
  // can_begin_again().
  void begin_again();
  // Whether all inputs are there to be read again: messages and regular files.
  [[nodiscard]] bool can_begin_again() const;

  // Whether somebody may wait to write what is read next: no messages and no regular file.
  [[nodiscard]] bool has_writer() const;

  // Nothing more is read; what has been read is still handed out, but for an
  // unfinished record at the end.
  void stop_reading();

  // Drops what has been read and not been handed out, and says how many records
  // that were: 0 for input that can be read again, a regular file.
  [[nodiscard]] std::uint64_t abandon();

  [[nodiscard]] const std::string& error() const { return error_; }

  // "line 17", "ticks.jsonl: line 17", "message 2", for a number that was handed out.
  [[nodiscard]] std::string locate(std::uint64_t number) const;

  // The input that the last item came from, counted from 1, and the inode of its file.
  [[nodiscard]] std::size_t input() const { return inputs_.size(); }
  [[nodiscard]] std::uint64_t inode() const { return inode_; }

  // The part of a regular file that has been read, from 0 to 1, and its name.
  struct Position {
    std::string_view name;
    double share = 0;
  };
  [[nodiscard]] std::optional<Position> position() const;

  [[nodiscard]] bool reads_terminal() const;

 private:
  struct Input {
    std::string name;          // of a file; empty: stdin
    std::uint64_t before = 0;  // records of the inputs before this one
  };

  [[nodiscard]] Item next_message();
  [[nodiscard]] bool is_regular(const std::string& name) const;
  [[nodiscard]] Item number(RecordSplitter::Item item);
  [[nodiscard]] Item fail(std::string message);
  bool open_next();
  [[nodiscard]] bool follows_current() const;
  void take(std::string_view bytes);
  void end_input();
  [[nodiscard]] bool begins_anew() const;
  // False: the followed file was cut short, and may have grown again since.
  [[nodiscard]] bool is_as_it_was_read() const;
  void rewind_stdin();
  void close_current();
  [[nodiscard]] std::string_view noun() const;

  SourceOptions options_;
  Witness witness_;
  RecordSplitter splitter_;
  Readable readable_;
  FileWatch watch_;  // of a file that is followed
  std::size_t next_message_ = 0;
  std::size_t next_file_ = 0;
  std::vector<Input> inputs_;  // opened so far
  int fd_ = -1;
  bool owned_ = false;
  std::optional<std::uint64_t> file_bytes_;  // of a regular file
  std::uint64_t inode_ = 0;                  // of the current input
  std::uint64_t bytes_read_ = 0;             // of that, too
  std::string seen_;                         // the last of those, where the file is followed
  bool last_read_ = false;                   // the followed file is read to its end, another one follows
  off_t stdin_start_ = -1;                   // where stdin stood at first, if it is a regular file
  std::uint64_t records_ = 0;
  bool reading_ = true;
  bool input_over_ = false;  // the current one's end has been read
  std::string error_;
  std::optional<Item> put_back_;
};

}  // namespace wskit::pub
