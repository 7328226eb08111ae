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
    Bars bars = Bars::kNone;
    std::size_t width = 80;
    bool utc = false;   // times are of UTC instead of this machine's zone
    bool wrap = false;  // what is longer than a line goes on in the next one
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
  // The same at the end of the run.
  void leave_live(std::string& out);

  void set_width(std::size_t width) { terminal_.width = width; }

 private:
  static void append_line(std::string_view text, std::string& out) {
    protocol::append_one_line(out, text);
    out.push_back('\n');
  }
  void print_pretty(const protocol::EventView& event, std::string& out);
  // Appends one line, cut or wrapped to the terminal behind `indent` columns.
  void put(const std::string& line, std::size_t indent, std::string& out) const;
  // The time of day; a line with the date goes before it where that is another one.
  std::string time_column(std::string_view timestamp, std::string& out);
  // Where the columns of a record's own text begin.
  [[nodiscard]] std::size_t text_begin() const;
  // Narrow terminals leave the fractions of seconds out, and have shorter columns.
  [[nodiscard]] bool narrow() const { return terminal_.is_terminal && terminal_.width < kWideColumns; }

  Format format_;
  Terminal terminal_;
  ProgressBars bars_;
  static constexpr std::size_t kWideColumns = 100;

  // Of the last time that was written.
  std::string date_;
  std::string zone_;
  // Columns seen so far, so that the lines below each other stay aligned.
  std::size_t channel_columns_ = 12;
  std::size_t type_columns_ = 8;
};

}  // namespace wskit::tap
