// What a CommandParser works with: the slices of one message, and what they mean. It is shared
// by the parser's two sources, command.cc and command_publish.cc.
//
// Threads: one parser, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/protocol/command.h"
#include "common/protocol/command_slices.h"

namespace wskit::protocol {

[[nodiscard]] Error bad_command(std::string message);
[[nodiscard]] Error repeated_field(CommandField field);
// Why the object may not have the members that it has: `set` are those of `whose`,
// "subscribe".
[[nodiscard]] std::optional<Error> check_members(const CommandFields& fields, std::string_view whose,
                                                 std::uint32_t set);

// Of one event to publish.
inline constexpr std::uint32_t kEventMembers = CommandFields::set_of(
    {CommandField::kChannel, CommandField::kType, CommandField::kData, CommandField::kTimestamp,
     CommandField::kKey, CommandField::kDedup, CommandField::kProducer, CommandField::kSequence});

// The second step from text to meaning: read_…() tell what the slices mean for
// the action at hand.
struct CommandParser::State {
  CommandSlices slices;
  const CommandFields& fields = slices.fields();
  std::size_t message_bytes = 0;
  ServerSpace server_space = ServerSpace::kRefused;
  std::string decoded;    // texts that were written with escapes
  std::string rewritten;  // keys and dedups that were
  Command command;

  void begin(std::size_t bytes);
  Result<void> read_id();
  Result<void> read();
  Result<void> read_action();
  Result<void> read_fields();
  Result<void> read_token();
  Result<void> read_ping();
  Result<void> read_history();
  Result<void> read_since();
  Result<void> read_subscribe();
  Result<void> read_pace();
  Result<void> read_unsubscribe();
  Result<void> read_publish();
  Result<void> read_producer(std::string_view value);
  Result<void> read_batch();
  Result<void> read_events(std::span<const CommandFields> events, std::string_view producer);
  Result<void> read_event(const CommandFields& event);
  Result<void> read_one_channel();
  Result<void> read_channels();
  Result<void> add_channel(std::string_view value);
  Result<void> read_event_types();
  Result<void> add_event_type(std::string_view value);

  Result<std::string_view> text(std::string_view value, ErrorCode code, CommandField field);
  Result<bool> boolean(CommandField field);
  Result<std::string_view> type_of(const CommandFields& event);
  Result<std::string_view> timestamp_of(const CommandFields& event);
  Result<std::string_view> name_of(const CommandFields& event, CommandField field);
  Result<std::int64_t> sequence_of(const CommandFields& event);
  Result<std::string_view> echoed(CommandField field);
};

}  // namespace wskit::protocol
