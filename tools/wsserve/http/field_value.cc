#include "wsserve/http/field_value.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>

#include "common/text.h"

namespace wskit::server::http {

std::vector<std::string_view> list_items(std::string_view value) {
  std::vector<std::string_view> items;
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view item = trim(value.substr(0, comma), kFieldWhiteSpace);
    if (!item.empty()) items.push_back(item);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return items;
}

std::string lower_case(std::string_view value) {
  std::string lower(value);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

bool same_token(std::string_view one, std::string_view other) { return boost::beast::iequals(one, other); }

}  // namespace wskit::server::http
