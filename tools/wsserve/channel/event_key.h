// The key of an event that brings none of its own, from its data.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "common/protocol/json_path.h"

namespace wskit::server {

// As the JSON string that the event carries, in `storage`; empty: there is none,
// because at `path` is nothing, null, an object or an array, or a text that is
// not allowed as a key. A number or a boolean counts as its text.
// REQUIRES: `data` is valid JSON without white space around it.
[[nodiscard]] std::string_view key_of(std::string_view data, const protocol::JsonPath& path,
                                      std::string& storage);

}  // namespace wskit::server
