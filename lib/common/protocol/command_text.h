// Commands as the text that CommandParser reads.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "common/protocol/command.h"

namespace wskit::protocol {

// Appends the command with the members that it has. REQUIRES: its names are valid.
void append_command(std::string& out, const Command& command);

// Appends the object of one event of a batch. Nothing is checked or escaped: every part must
// already be valid.
void append_publish_event(std::string& out, const PublishEvent& event);

// Where append_publish_event() has put the members that are looked for in its text. Within a
// string the quotes have a backslash, so neither stands anywhere else.
inline constexpr std::string_view kChannelBegin = R"("channel":")";
inline constexpr std::string_view kSequenceBegin = R"(,"sequence":)";

}  // namespace wskit::protocol
