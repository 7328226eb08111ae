// Channel names and the patterns that select them (docs/protocol.md, "Channels").
//
// Threads: pure functions and immutable values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/protocol/error.h"

namespace wskit::protocol {

inline constexpr std::size_t kMaxChannelBytes = 255;
inline constexpr std::size_t kMaxChannelSegments = 16;

// Whether `name` is the name of a channel that can be published to and
// subscribed; otherwise kBadChannel with the reason and the offending place.
[[nodiscard]] Result<void> check_channel(std::string_view name);

// Whether `name` holds a `*` and so can only be a pattern, never a name.
[[nodiscard]] bool looks_like_pattern(std::string_view name);

// Whether the name or pattern lies in the server's own space (begins with `@`).
[[nodiscard]] inline bool is_server_channel(std::string_view name) { return name.starts_with('@'); }

// `market/*` or `backtest/**`: `*` stands for one whole segment, `**` as the
// last segment for one or more.
class Pattern {
 public:
  // kBadChannel for text that is no valid pattern. A plain name is one that
  // matches only itself.
  [[nodiscard]] static Result<Pattern> parse(std::string_view text);

  // REQUIRES: `channel` has passed check_channel. A channel that begins with
  // `@` is matched only by a pattern that begins with `@`.
  [[nodiscard]] bool matches(std::string_view channel) const;

  // Whether it matches every channel that `other` matches.
  [[nodiscard]] bool covers(const Pattern& other) const;

  // Whether there is a channel that both match.
  [[nodiscard]] bool overlaps(const Pattern& other) const;

  [[nodiscard]] const std::string& text() const { return text_; }

  bool operator==(const Pattern&) const = default;

 private:
  explicit Pattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace wskit::protocol
