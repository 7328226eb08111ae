// The members that a command, or an event of a batch, may have, by name.
//
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/protocol/fields.h"

namespace wskit::protocol {

enum class CommandField : std::uint8_t {
  kAction,
  kType,
  kId,
  kChannel,
  kData,
  kTimestamp,
  kKey,
  kDedup,
  kEvents,
  kChannels,
  kSince,
  kMaxRate,
  kConflate,
  kFilter,
  kMatched,
  kLimit,
  kToken,
  kProducer,
  kSequence
};
inline constexpr FieldNames<CommandField, 19> kCommandFieldNames{
    {"action", "type", "id", "channel", "data", "timestamp", "key", "dedup", "events", "channels", "since",
     "max_rate", "conflate", "filter", "matched", "limit", "token", "producer", "sequence"}};
using CommandFields = FieldSlices<CommandField, 19>;

// What a list may hold, so that a command cannot make the server hold many times
// the command's own size.
inline constexpr std::size_t kMaxListElements = 10'000;

}  // namespace wskit::protocol
