// The token that a request carries.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "wsserve/http/request_reader.h"

namespace wskit::server::http {

// `Authorization: Bearer <token>`, else `?token=`. What was taken is no longer in
// the request, so that nobody repeats it in a log, a link or an error.
[[nodiscard]] std::optional<std::string> take_token(Request& request);

}  // namespace wskit::server::http
