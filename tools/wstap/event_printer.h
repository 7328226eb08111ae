// Events as records of the chosen format.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/protocol/event.h"
#include "common/protocol/one_line.h"
#include "wstap/incident.h"
#include "wstap/options.h"
#include "wstap/progress_bars.h"

namespace wskit::tap {

class EventPrinter {
 public:
  struct Terminal {
    bool is_terminal = false;
    bool colored = false;
    bool live = false;  // bars can be drawn: a terminal, and escape sequences are welcome
    std::size_t width = 80;
  };

  // REQUIRES: `format` is not kAuto.
  EventPrinter(Format format, Terminal terminal);
  ~EventPrinter();

  // Appends the record of one event, which is one line; `text` is the event as it came.
  void print(const protocol::EventView& event, std::string_view text, std::string& out) {
    switch (format_) {
      case Format::kJson:
        append_line(text, out);
        break;
      case Format::kData:
        append_line(event.data, out);
        break;
      case Format::kNone:
        break;
      case Format::kPretty:
      case Format::kAuto:
        print_pretty(event, out);
        break;
    }
  }

  // Appends what --on-gap emit says of a gap. REQUIRES: the format is json or pretty.
  void print_gap(std::string_view channel, const Incident& gap, std::string& out);

  // Takes the live bars off the terminal before something else is written to it,
  // and puts them back.
  void hide_live(std::string& out);
  void show_live(std::string& out);

  void set_width(std::size_t width) { terminal_.width = width; }

 private:
  static void append_line(std::string_view text, std::string& out) {
    protocol::append_one_line(out, text);
    out.push_back('\n');
  }
  void print_pretty(const protocol::EventView& event, std::string& out);

  Format format_;
  Terminal terminal_;
  ProgressBars bars_;
  // Columns seen so far, so that the lines below each other stay aligned.
  std::size_t channel_columns_ = 12;
  std::size_t type_columns_ = 8;
};

}  // namespace wskit::tap
