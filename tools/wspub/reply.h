// What the server answers to a publisher, from text to values.
//
// Threads: one parser, one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::pub {

struct Reply {
  enum class Kind : std::uint8_t {
    kPublished,
    kError,
    kConnected,
    kOther,  // heartbeats, and whatever else does not concern a publisher
    kMalformed,
  };

  // Of one event, in the order of the command. JSON text.
  struct Published {
    std::string_view channel;
    std::string_view offset;
    std::string_view epoch;
    bool duplicate = false;
  };

  Kind kind = Kind::kOther;
  std::optional<std::uint64_t> id;

  std::vector<Published> published;

  // kError, decoded.
  std::string code;
  std::string message;
  std::optional<std::size_t> index;  // of the event in a batch that was at fault
  // The least sequence that the server remembers, where it refused an older one.
  std::optional<std::int64_t> oldest;
  std::optional<std::chrono::nanoseconds> retry_after;

  // kConnected: the JSON array of the channels that the server subscribed by itself.
  std::string_view channels;
  bool knows_sequences = false;  // kConnected: it is among the server's features
};

class ReplyParser {
 public:
  // Valid until the next call, or until the text goes away.
  [[nodiscard]] const Reply& parse(std::string_view text);

 private:
  void read(std::string_view text);
  void read_published(std::string_view json);
  void read_error(std::string_view json);

  Reply reply_;
};

// Whether an error says "not now" about the server rather than "no" about the
// event: the same event is worth another try.
[[nodiscard]] bool is_transient(std::string_view code);

}  // namespace wskit::pub
