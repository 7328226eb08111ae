// What a client asks of the server: `{"action":…}` messages, from text to
// values (docs/protocol.md, "Commands and replies").
//
// Knows no connection, no channel state and no permission: it says only whether
// the text is a well-formed command.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command_fields.h"
#include "common/protocol/error.h"
#include "common/protocol/position.h"

namespace wskit::protocol {

enum class Action : std::uint8_t {
  kAuth,
  kSubscribe,
  kUnsubscribe,
  kPublish,
  kHistory,
  kPresence,
  kPing,
  kStats
};
// As `action` has them, in the order of the enum.
inline constexpr std::array<std::string_view, 8> kActionNames{
    "auth", "subscribe", "unsubscribe", "publish", "history", "presence", "ping", "stats"};

// Of a key or a dedup id, without its quotes and escapes.
inline constexpr std::size_t kMaxNameBytes = 128;

// Of a producer's name.
inline constexpr std::size_t kMaxProducerCharacters = 64;
// Of an event that has none.
inline constexpr std::int64_t kNoSequence = -1;

// How many events one page of a history may hold, and how many it holds unless it was asked for.
inline constexpr std::size_t kMaxHistoryLimit = 10'000;
inline constexpr std::size_t kDefaultHistoryLimit = 100;
// The text is a whole number from 1 to kMaxHistoryLimit; kBadCommand otherwise.
[[nodiscard]] Result<std::size_t> parse_history_limit(std::string_view text);

// One event to publish. All parts are valid: the channel is a name, outside of the
// server's `@` space unless that was allowed, the type is a type, the timestamp is RFC 3339, the data is
// JSON text as it was written. Equal keys are equal bytes, and so are dedups.
struct PublishEvent {
  std::string_view channel;
  std::string_view type;
  std::string_view timestamp;  // empty: the server's receive time
  std::string_view key;        // JSON string; empty: absent
  std::string_view dedup;      // JSON string; empty: absent, as it is where there is a sequence
  std::string_view data;
  std::int64_t sequence = kNoSequence;  // of the command's producer; from 0
};

// The fields that the action does not use are empty.
struct Command {
  Action action = Action::kPing;
  std::string_view id;  // the JSON text of the command's id; empty: none, so no reply to a publish
  std::optional<std::vector<std::string_view>> channels;     // names or patterns, each one valid
  std::optional<std::vector<std::string_view>> event_types;  // the `events` filter
  std::optional<Since> since;
  std::optional<double> max_rate;  // events of each key a second; any finite number
  std::optional<bool> conflate;
  std::optional<std::size_t> limit;  // from 1 to kMaxHistoryLimit
  bool matched = false;
  std::string_view filter;            // JSON text; empty: absent
  std::string_view token;             // bare text
  std::string_view timestamp;         // of a ping: JSON text, sent back as it came; empty: absent
  std::string_view producer;          // of a publish whose events all have a sequence; empty: none has
  bool batch = false;                 // a publish that came with `events`: answered with an array
  std::vector<PublishEvent> publish;  // in order; at least one for kPublish

  void clear();
};

// A refused command. `id` is its JSON text where it could be read, so that the
// error can name the command it answers.
struct CommandError {
  Error error;
  std::string id;
};

// Parses commands one after the other. One thread; keeps its buffers, so that a
// publish on the hot path allocates nothing.
class CommandParser {
 public:
  CommandParser();
  ~CommandParser();

  // Whether events may be published into the server's `@` space.
  enum class ServerSpace : std::uint8_t { kRefused, kAllowed };

  // The command's views point into `text` or into the parser, and live until the
  // next call or until `text` goes away. A duration in `since` counts back from now.
  //
  // The whole text is validated as RFC 8259 JSON, `data` included, whatever its
  // numbers' size. Errors: kBadJson with {"position":BYTE} in details;
  // kBadCommand, kBadChannel, kBadEvent naming the field. In a batch one bad
  // event refuses the whole batch, with {"index":N} in details.
  [[nodiscard]] boost::system::result<const Command*, CommandError> parse(
      std::string_view text, ServerSpace server_space = ServerSpace::kRefused);

  // The publish command of events that were cut out of something else. Each has the
  // members of an event of a batch, as valid JSON text that must live as long as the
  // command. `producer`: JSON text; empty: none. Without `batch` there is one event.
  // Errors as above.
  [[nodiscard]] boost::system::result<const Command*, CommandError> publish(
      std::span<const CommandFields> events, std::string_view producer, bool batch,
      ServerSpace server_space = ServerSpace::kRefused);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[noreturn]] void throw_exception_from_error(const CommandError& error, const boost::source_location&);

}  // namespace wskit::protocol
