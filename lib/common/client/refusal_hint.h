// What helps against a refusal for who we are: a few words that follow the
// server's own, and hold nothing of a token.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "common/client/client_options.h"

namespace wskit::client {

// What became of a command that was answered with UNAUTHORIZED and `message`: the
// whole sentence, for somebody at a shell.
[[nodiscard]] std::string unauthorized(const ClientOptions& options, std::string_view message);

// 401 and 4001.
[[nodiscard]] std::string unauthorized_hint(const ClientOptions& options);
// 403 and 4003.
[[nodiscard]] std::string forbidden_hint(const ClientOptions& options);

}  // namespace wskit::client
