// What a client asks of the server: `{"action":…}` messages, from text to
// values (docs/protocol.md, "Commands and replies").
//
// Knows no connection, no channel state and no permission: it says only whether
// the text is a well-formed command.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"

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

// Of a key or a dedup id, without its quotes and escapes.
inline constexpr std::size_t kMaxNameBytes = 128;

// Of a producer's name.
inline constexpr std::size_t kMaxProducerCharacters = 64;
// Of an event that has none.
inline constexpr std::int64_t kNoSequence = -1;

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
  std::string_view since;                                    // JSON text; empty: absent
  std::string_view max_rate;                                 // JSON text; empty: absent
  std::string_view conflate;                                 // JSON text; empty: absent
  std::string_view filter;                                   // JSON text; empty: absent
  std::string_view matched;                                  // JSON text; empty: absent
  std::string_view limit;                                    // JSON text; empty: absent
  std::string_view token;                                    // bare text
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
  // next call or until `text` goes away.
  //
  // The whole text is validated as RFC 8259 JSON, `data` included, whatever its
  // numbers' size. Errors: kBadJson with {"position":BYTE} in details;
  // kBadCommand, kBadChannel, kBadEvent naming the field. In a batch one bad
  // event refuses the whole batch, with {"index":N} in details.
  [[nodiscard]] boost::system::result<const Command*, CommandError> parse(
      std::string_view text, ServerSpace server_space = ServerSpace::kRefused);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[noreturn]] void throw_exception_from_error(const CommandError& error, const boost::source_location&);

}  // namespace wskit::protocol
