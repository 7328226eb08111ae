#include "wsserve/http/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/protocol/quote.h"

namespace wskit::server::http {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      unsigned char byte = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      const char* digits = text.data() + i + 1;
      const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      if (error != std::errc() || end != digits + 2) return std::nullopt;
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}

std::optional<QueryParameters> parse_query(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? "" : part.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

namespace {

constexpr std::string_view kToken = "token";

bool has(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string no_such_parameter(std::string_view name, std::span<const std::string_view> known) {
  std::vector<std::string_view> names(known.begin(), known.end());
  names.push_back(kToken);
  std::ranges::sort(names);
  const std::string_view nearest = protocol::nearest_name(name, names);
  return fmt::format("this address has no parameter {}{}; there {} {}", protocol::quote(name),
                     nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest),
                     names.size() == 1 ? "is" : "are", fmt::join(names, ", "));
}

}  // namespace

std::string query_fault(const QueryParameters& query, std::span<const std::string_view> known,
                        std::span<const std::string_view> repeatable) {
  std::vector<std::string_view> once{kToken};
  for (const std::string_view name : known) {
    if (!has(repeatable, name)) once.push_back(name);
  }
  for (const auto& [name, value] : query) {
    if (name != kToken && !has(known, name)) return no_such_parameter(name, known);
  }
  return repeated_parameter(query, once);
}

std::string repeated_parameter(const QueryParameters& query, std::span<const std::string_view> once) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    const std::string& name = query[i].first;
    if (!has(once, name)) continue;
    const auto before = query.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(query.begin(), before, [&](const auto& each) { return each.first == name; })) {
      return fmt::format("{}= stands there twice; leave one of them out", name);
    }
  }
  return {};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const auto item = text.substr(0, comma); !item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return items;
}

}  // namespace wskit::server::http
