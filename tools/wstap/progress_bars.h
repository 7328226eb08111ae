// One live bar a channel at the bottom of a terminal, below the lines that scroll.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wstap/shape.h"

namespace wskit::tap {

// How bars may be drawn.
enum class Bars : std::uint8_t {
  kNone,  // no terminal, or a dumb one
  kOne,   // where no escape sequence is welcome (NO_COLOR): the newest one, in the last line
  kAll,   // a line each
};

class ProgressBars {
 public:
  // More bars than `most` at a time make the oldest one a line that stays.
  ProgressBars(bool colored, Bars bars, std::size_t most)
      : colored_(colored), bars_shown_(bars), most_(most) {}

  // Appends to `out` what takes the bars off the terminal, so that lines can follow.
  void erase(std::string& out);
  // Appends the bars as they are now; nothing where they are shown already.
  void draw(std::string& out, std::size_t width);

  // Draws them for the last time, so that what follows on the terminal begins a line.
  void leave(std::string& out, std::size_t width);

  // The channel's bar stands at `progress` from now on. REQUIRES: erased.
  void update(std::string_view channel, const Progress& progress, std::string& out, std::size_t width);
  // The channel's bar becomes a line that stays. REQUIRES: erased.
  void finish(std::string_view channel, std::string& out, std::size_t width);

  [[nodiscard]] bool empty() const { return bars_.empty(); }

 private:
  struct Bar {
    std::string channel;
    Progress progress;
  };

  [[nodiscard]] std::string line_of(const Bar& bar, std::size_t width) const;

  bool colored_;
  Bars bars_shown_;
  std::size_t most_;
  std::size_t shown_ = 0;          // lines on the terminal now
  std::size_t shown_columns_ = 0;  // of the one, where it is one
  std::string newest_;             // the channel that was updated last
  std::vector<Bar> bars_;          // in the order of their first event
};

}  // namespace wskit::tap
