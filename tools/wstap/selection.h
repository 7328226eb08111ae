// Which events are wanted: channels by name or pattern, and types, and how the
// server is asked for them.
//
// Threads: plain values.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/error.h"
#include "common/protocol/event.h"
#include "common/protocol/position.h"

namespace wskit::tap {

// The ids of commands, which their answers repeat.
inline constexpr std::string_view kSubscribeId = "1";
inline constexpr std::string_view kUnsubscribeId = "2";
inline constexpr std::string_view kStandId = "3";  // of one that only asks where channels stand
inline constexpr std::string_view kPageId = "4";   // of a page of history to play
inline constexpr std::string_view kLookId = "5";   // of one that asks why nothing comes
inline constexpr std::string_view kProbeId = "6";  // of one that asks for channels of similar names
inline constexpr std::string_view kTypesId = "7";  // of a page of history whose types are told

// Who leaves out the types that were not selected. The server saves their way; but
// then an offset that is skipped tells nothing.
enum class TypeFilter : std::uint8_t { kServer, kHere };

class Selection {
 public:
  // Empty lists stand for the server's default channels and for all types.
  // `also_types` are wanted from the server though not selected: those that end
  // the run. kBadChannel or kBadEvent for a bad name, pattern or type.
  [[nodiscard]] static protocol::Result<Selection> make(const std::vector<std::string>& channels,
                                                        const std::vector<std::string>& types,
                                                        const std::vector<std::string>& also_types,
                                                        TypeFilter filter = TypeFilter::kServer);

  // The names and patterns, each once, as they were given.
  [[nodiscard]] const std::vector<std::string>& channels() const { return channels_; }
  // Unless the server filters, every event of a channel comes, and a jump of its
  // offset is a gap.
  [[nodiscard]] bool server_filters() const { return !server_types_.empty(); }

  // The command that asks for the types of `channels`, and for the list of those
  // that a pattern matches.
  [[nodiscard]] std::string subscribe_command(const std::vector<std::string>& channels,
                                              const std::optional<protocol::Since>& since,
                                              std::string_view id = kSubscribeId) const;

  // Whether a name or pattern selects the channel.
  [[nodiscard]] bool selects(std::string_view channel) const;

  // Whether the type was selected, by itself and not only to end the run.
  [[nodiscard]] bool wants_type(std::string_view type) const;

 private:
  std::vector<std::string> channels_;
  std::vector<protocol::Pattern> patterns_;  // the same
  std::vector<std::string> types_;
  std::vector<std::string> server_types_;  // types_ and those that end the run; empty: all
};

[[nodiscard]] std::string unsubscribe_command(const std::vector<std::string>& channels);

}  // namespace wskit::tap
