#include "common/protocol/one_line.h"

#include <algorithm>
#include <cstring>

namespace wskit::protocol {

void append_one_line(std::string& out, std::string_view json) {
  const std::size_t before = out.size();
  out.append(json);
  // Hardly any text has one: looking is all that most cost.
  for (const char line_break : {'\n', '\r'}) {
    if (std::memchr(out.data() + before, line_break, json.size()) == nullptr) continue;
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), line_break, ' ');
  }
}

}  // namespace wskit::protocol
