// One live bar a channel at the bottom of a terminal, below the lines that scroll.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wstap/shape.h"

namespace wskit::tap {

class ProgressBars {
 public:
  // More bars than `most` at a time make the oldest one a line that stays.
  ProgressBars(bool colored, std::size_t most) : colored_(colored), most_(most) {}

  // Appends to `out` what takes the bars off the terminal, so that lines can follow.
  void erase(std::string& out);
  // Appends the bars as they are now; nothing where they are shown already.
  void draw(std::string& out, std::size_t width);

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

  void append_line(const Bar& bar, std::string& out, std::size_t width) const;

  bool colored_;
  std::size_t most_;
  std::size_t shown_ = 0;  // lines on the terminal now
  std::vector<Bar> bars_;  // in the order of their first event
};

}  // namespace wskit::tap
