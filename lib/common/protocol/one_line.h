// JSON text as one line, for whatever is read line by line: recordings, NDJSON,
// event streams. The grammar lets line breaks stand between tokens, and a reader
// of lines would take what follows one for a record of its own.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace wskit::protocol {

// Appends `json` with each CR and LF as one blank; nothing else changes. In checked
// JSON they stand between tokens only, so the value stays the same.
void append_one_line(std::string& out, std::string_view json);

}  // namespace wskit::protocol
