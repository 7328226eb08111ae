// What a server has said on one connection, held against what a server may say.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "common/protocol/close_code.h"

namespace wskit::fuzz {

struct Answers {
  std::vector<int> statuses;  // of HTTP answers, in order, without those of 100
  std::size_t messages = 0;   // of the WebSocket
  std::optional<protocol::CloseCode> close_code;
};

// `bytes`: all of them, to the end. Whole HTTP answers, with bodies that are what their type
// says; behind a 101 frames as a client may take them, whose messages are objects of JSON with
// a type (unless the server `echoes` what it hears), and nothing behind a close frame; or a
// stream of server-sent events. Anything else breaks a claim.
[[nodiscard]] Answers check_answers(std::string_view bytes, bool echoes);

}  // namespace wskit::fuzz
