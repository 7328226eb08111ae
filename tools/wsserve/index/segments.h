// A name or pattern, segment by segment.
#pragma once

#include <string_view>

namespace wskit::server {

// Takes the first segment off `path`; what is left begins after the slash.
inline std::string_view take_segment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

}  // namespace wskit::server
