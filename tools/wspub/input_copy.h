// The copy of the input that --tee writes: the bytes as they came, but that each
// record stands on a line of its own.
//
// In JSON a line break that ends no record becomes a blank, and a record that ends
// with its input gets an end where another input follows.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wspub/event_mapper.h"
#include "wspub/record_splitter.h"

namespace wskit::pub {

class InputCopy {
 public:
  InputCopy(Separator separator, InputKind input) : separator_(separator), input_(input) {}

  // Appends to `out` what the next bytes of an input become. What cannot be judged
  // yet, a CR at their end, comes with the next ones.
  void take(std::string_view bytes, std::string& out);
  // The input is over; another one may follow.
  void end_input(std::string& out);

 private:
  void take_lines(std::string_view bytes, std::string& out);
  void take_whole(std::string_view bytes, std::string& out);

  Separator separator_;
  InputKind input_;
  bool input_over_ = true;
  bool unfinished_ = false;      // the last record has no separator so far
  bool held_cr_ = false;         // read, and not yet copied
  std::size_t held_breaks_ = 0;  // of a whole input: blanks, if anything follows
};

}  // namespace wskit::pub
