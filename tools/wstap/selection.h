// Which events are wanted: channels by name or pattern, and types, and how the
// server is asked for them.
//
// Threads: plain values.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/error.h"
#include "common/protocol/event.h"

namespace wskit::tap {

class Selection {
 public:
  // Empty lists stand for the server's default channels and for all types.
  // `also_types` are wanted from the server though not selected: those that end
  // the run. kBadChannel or kBadEvent for a bad name, pattern or type.
  [[nodiscard]] static protocol::Result<Selection> make(const std::vector<std::string>& channels,
                                                        const std::vector<std::string>& types,
                                                        const std::vector<std::string>& also_types);

  // The names and patterns, each once, as they were given.
  [[nodiscard]] const std::vector<std::string>& channels() const { return channels_; }
  // Without one every event of a channel comes, and a jump of its offset is a gap.
  [[nodiscard]] bool filters_types() const { return !types_.empty(); }

  // The command that asks for the types of `channels`; `since` is JSON or empty.
  [[nodiscard]] std::string subscribe_command(const std::vector<std::string>& channels,
                                              std::string_view since) const;

  // Whether the type was selected, by itself and not only to end the run.
  [[nodiscard]] bool wants_type(std::string_view type) const;

 private:
  std::vector<std::string> channels_;
  std::vector<std::string> types_;
  std::vector<std::string> server_types_;  // types_ and those that end the run
};

// The id of subscribe_command, which its answer repeats; and of unsubscribe_command.
inline constexpr std::string_view kSubscribeId = "1";
inline constexpr std::string_view kUnsubscribeId = "2";

[[nodiscard]] std::string unsubscribe_command(const std::vector<std::string>& channels);

}  // namespace wskit::tap
