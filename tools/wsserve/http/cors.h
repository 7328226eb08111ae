// The headers that let a page of another origin read the answers (the Fetch standard, "CORS
// protocol"), and the answer to OPTIONS.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"

namespace wskit::server::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// The headers of every answer to the request. `allowed`: check_origin() has nothing against it.
[[nodiscard]] Headers cors_headers(const Request& request, bool allowed);

// `methods`: what `Allow` says of the address.
[[nodiscard]] Response options_response(const Request& request, const std::string& methods);

}  // namespace wskit::server::http
