// One `publish` command as it is put together, sent, and sent again: its text
// and which lines it carries.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"

namespace wskit::pub {

class PublishCommand {
 public:
  // Whether the server is asked for an answer.
  enum class Reply : std::uint8_t { kWanted, kNone };

  // Begins anew; memory is kept. `producer`: whose sequences the events have, as
  // JSON text; empty: they have none.
  void start(std::uint64_t id, Reply reply, std::string_view producer = {});

  // `number`: of the line, counted over the whole run. `record`: the line as it
  // was read, where it must be kept, else empty. REQUIRES: started, not sealed.
  void add(const protocol::PublishEvent& event, std::uint64_t number, std::string_view record);

  // Adds line `index` of another command, which has the same producer. REQUIRES: that
  // one is sealed.
  void add_from(const PublishCommand& other, std::size_t index);

  // The same, with a dedup id in the place of the sequence, as JSON text. REQUIRES:
  // the other one has a producer, this one has none.
  void add_marked(const PublishCommand& other, std::size_t index, std::string_view dedup);

  // Completes the text. An event that is alone is written without an array.
  // REQUIRES: at least one event.
  void seal();

  // The bytes that text() will have if it is sealed now.
  [[nodiscard]] std::size_t sealed_size() const;

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool is_batch() const { return lines_.size() > 1; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }

  [[nodiscard]] std::uint64_t line_number(std::size_t index) const { return lines_[index].number; }
  [[nodiscard]] std::string_view record(std::size_t index) const;
  [[nodiscard]] const std::string& first_channel() const { return first_channel_; }

  // Of a sealed command.
  [[nodiscard]] const std::string& producer() const { return producer_; }
  [[nodiscard]] std::string_view channel(std::size_t index) const;
  // Of a line's event; of a command without a producer none.
  [[nodiscard]] std::int64_t sequence(std::size_t index) const;

 private:
  // Where the line's parts end; they begin where those of the line before end.
  struct Line {
    std::uint64_t number;
    std::size_t event_end;
    std::size_t record_end;
  };

  void separate();
  void end_line(std::uint64_t number, std::string_view record);
  // The members of the line's event, without the first brace.
  [[nodiscard]] std::string_view members(std::size_t index) const;

  std::uint64_t id_ = 0;
  std::string producer_;
  std::string text_;
  std::size_t array_begin_ = 0;  // of `"events":[` in text_
  std::string records_;
  std::vector<Line> lines_;
  std::string first_channel_;
};

}  // namespace wskit::pub
