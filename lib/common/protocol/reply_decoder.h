// What a server says besides events, from text to the values of reply.h.
//
// A server that is not ours may write what it likes: a member of another kind counts as
// absent, an unknown one is passed over. Whether a name or an offset can be one at all is the
// reader's question.
//
// Threads: one decoder, one thread; it keeps its buffers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/fields.h"
#include "common/protocol/reply.h"

namespace wskit::protocol {

struct DecodedReply {
  enum class Kind : std::uint8_t {
    kReply,
    kEvent,      // it has a `channel`: decode_event() reads it
    kUnknown,    // an object of a type that this decoder does not know, or without what it needs
    kMalformed,  // no JSON object
  };

  Kind kind = Kind::kMalformed;
  std::string_view id;         // JSON text; empty: none
  std::string_view type;       // kReply, kUnknown; empty: it is no text
  std::string_view timestamp;  // empty: none
  Reply reply;                 // kReply

  // The reply, if it is one of that kind; else null.
  template <class Kind>
  [[nodiscard]] const Kind* as() const {
    return kind == DecodedReply::Kind::kReply ? std::get_if<Kind>(&reply) : nullptr;
  }
};

class ReplyDecoder {
 public:
  // Valid until the next call, or until the text goes away.
  [[nodiscard]] const DecodedReply& decode(std::string_view text);

 private:
  // Nothing where the data is not what that type needs.
  [[nodiscard]] std::optional<Reply> read(std::size_t type, std::string_view data);
  [[nodiscard]] Connected read_connected(std::string_view data);
  [[nodiscard]] Subscribed read_subscribed(std::string_view data);
  [[nodiscard]] PublishedAll read_published(std::string_view data);
  [[nodiscard]] std::optional<Reply> read_history(std::string_view data);
  [[nodiscard]] Refused read_refused(std::string_view data);
  [[nodiscard]] SubscribedChannel read_channel(std::string_view entry);

  // The text of a JSON string; empty for anything else.
  [[nodiscard]] std::string_view text(std::string_view json);
  [[nodiscard]] std::vector<std::string_view> texts(std::string_view json);

  std::size_t message_bytes_ = 0;
  std::string decoded_;  // texts that were written with escapes
  std::vector<SubscribedChannel> channels_;
  std::vector<Published> published_;
  DecodedReply message_;
};

}  // namespace wskit::protocol
