// From one line to the event that is published for it: what the options, the
// envelope of the line, and its fields say.
//
// Knows no socket and no window. The payload is a slice of the line: what the
// engine wrote is what subscribers get.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/command.h"
#include "common/protocol/json_path.h"
#include "common/protocol/timestamp.h"
#include "wspub/channel_template.h"
#include "wspub/fields.h"
#include "wspub/line_error.h"

namespace wskit::pub {

enum class InputKind : std::uint8_t { kJson, kText };

struct MappingOptions {
  InputKind input = InputKind::kJson;
  std::optional<ChannelTemplate> channel;  // neither: each line names its own in "channel"
  std::optional<protocol::JsonPath> channel_from;
  std::string type;  // empty: the line's own, else "message"
  std::optional<protocol::JsonPath> type_from;
  std::optional<protocol::JsonPath> key_from;   // else the envelope's
  std::optional<protocol::JsonPath> time_from;  // else the envelope's, else none
  std::optional<protocol::JsonPath> data_from;  // else the envelope's, else the whole line
  std::optional<protocol::JsonPath> replay_by;  // where the line's place in a recording stands
  bool own_type = true;                         // a line may say its type itself
  bool whole = false;                           // lines are documents; for the words of errors
};

// One thread.
class EventMapper {
 public:
  explicit EventMapper(MappingOptions options) : options_(std::move(options)) {}

  // The event of one line; nothing for a blank line of JSON. Every part of it is
  // valid, `dedup` is left empty. Its views live until the next call, or until
  // the line goes away.
  //
  // A line is an envelope, and only its `data` is published, if it is an object
  // with `data` and the string `type`, or, where the line has to name its
  // channel, with `data` and the string `channel`. --data-from overrides that. Any
  // other object is published whole; the string `type` of one without `data` is the
  // event's type, too.
  [[nodiscard]] LineResult<std::optional<protocol::PublishEvent>> map(std::string_view line);

  // The time at `replay_by` in the line that map() made an event of last.
  [[nodiscard]] protocol::SystemMicros replay_time() const { return replay_time_; }

 private:
  struct Envelope;

  [[nodiscard]] LineResult<std::optional<protocol::PublishEvent>> map_text(std::string_view line);
  [[nodiscard]] LineResult<Envelope> read(std::string_view line) const;
  [[nodiscard]] LineResult<std::string_view> data_of(std::string_view line, const Envelope& envelope) const;
  [[nodiscard]] LineResult<std::string_view> channel_of(const Fields& fields, const Envelope& envelope);
  [[nodiscard]] LineResult<std::string_view> type_of(const Fields& fields, const Envelope& envelope);
  [[nodiscard]] LineResult<std::string_view> key_of(const Fields& fields, const Envelope& envelope);
  [[nodiscard]] LineResult<std::string_view> timestamp_of(const Fields& fields, const Envelope& envelope);
  [[nodiscard]] LineResult<std::string_view> timestamp(const Fields& fields, std::string_view value);

  [[nodiscard]] LineResult<protocol::SystemMicros> moment(const Fields& fields, std::string_view value);
  [[nodiscard]] LineResult<protocol::SystemMicros> replay_time_of(const Fields& fields);

  MappingOptions options_;
  protocol::SystemMicros replay_time_{};

  // What is not a slice of the line.
  std::string channel_;
  std::string type_;
  std::string key_;
  std::string timestamp_;
  std::string data_;
};

}  // namespace wskit::pub
