// What helps against a refusal for who we are: a few words that follow the
// server's own, and hold nothing of a token.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "common/client/client_options.h"

namespace wskit::client {

// 401 and 4001.
[[nodiscard]] std::string unauthorized_hint(const ClientOptions& options);
// 403 and 4003.
[[nodiscard]] std::string forbidden_hint(const ClientOptions& options);

}  // namespace wskit::client
