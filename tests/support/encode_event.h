// An event's text as a string: for tests and benchmarks. The server writes it into
// frames.
#pragma once

#include <string>

#include "common/protocol/event.h"

namespace wskit::test {

[[nodiscard]] inline std::string encode_event(const protocol::EventView& event) {
  std::string text(protocol::encoded_size(event), '\0');
  protocol::write_event(event, text.data());
  return text;
}

}  // namespace wskit::test
