// A channel name with places to be filled in: `market/{symbol}`,
// `fills/{strategy}/{leg}-open`. What stands between the braces is for those who
// fill them to understand.
//
// Threads: immutable values.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/channel.h"
#include "common/protocol/error.h"

namespace wskit::protocol {

class ChannelTemplate {
 public:
  // Cuts the text at its braces: kBadChannel where they do not pair. Whether the
  // whole makes a channel is for the caller to check, by sample().
  [[nodiscard]] static Result<ChannelTemplate> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  // What stands between the braces, in order.
  [[nodiscard]] const std::vector<std::string>& places() const { return places_; }
  [[nodiscard]] bool is_fixed() const { return places_.empty(); }
  // Whether the place begins the name, so that its value decides in whose space
  // the channel is.
  [[nodiscard]] bool begins_name(std::size_t place) const { return place == 0 && literals_.front().empty(); }

  // The name with `x` in all places.
  [[nodiscard]] std::string sample() const;
  // Matches whatever the template can become: `*` for each segment with a place.
  // REQUIRES: sample() is a valid name or pattern.
  [[nodiscard]] Pattern reach() const;

  // Writes the name into `out`, replacing what it holds. REQUIRES: a value for
  // each place.
  void fill(std::span<const std::string_view> values, std::string& out) const;

 private:
  std::string text_;
  std::vector<std::string> literals_;  // before, between and behind the places
  std::vector<std::string> places_;
};

// Why a value cannot stand in a place, which is (a part of) one segment: "it is
// empty", for example; empty if it can.
[[nodiscard]] std::string segment_fault(std::string_view value, bool begins_name);

}  // namespace wskit::protocol
