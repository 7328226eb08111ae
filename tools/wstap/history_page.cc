#include "wstap/history_page.h"

#include "common/protocol/command_text.h"
#include "common/protocol/event.h"
#include "common/protocol/reply_decoder.h"
#include "wstap/control_message.h"

namespace wskit::tap {

std::optional<HistoryPage> parse_history_page(std::string_view text) {
  protocol::ReplyDecoder decoder;
  const protocol::DecodedReply& decoded = decoder.decode(text);
  const auto* history = decoded.as<protocol::HistoryEvents>();
  if (history == nullptr) return std::nullopt;
  // They would be kept in the cursor and sent back to the server.
  if (history->offset > kMostOffset || history->oldest == 0 || history->oldest > kMostOffset)
    return std::nullopt;
  if (!history->epoch.empty() && !protocol::is_valid_type(history->epoch)) return std::nullopt;
  return HistoryPage{.id = decoded.id,
                     .timestamp = std::string(decoded.timestamp),
                     .events = history->events,
                     .offset = history->offset,
                     .epoch = std::string(history->epoch),
                     .oldest = history->oldest,
                     .recovered = history->recovered,
                     .complete = history->complete};
}

std::string history_command(std::string_view id, std::string_view channel, const protocol::Since& since,
                            std::size_t limit) {
  protocol::Command command;
  command.action = protocol::Action::kHistory;
  command.id = id;
  command.channels = {channel};
  command.since = since;
  command.limit = limit;
  std::string text;
  protocol::append_command(text, command);
  return text;
}

}  // namespace wskit::tap
