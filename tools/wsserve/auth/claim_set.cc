#include "wsserve/auth/claim_set.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"

namespace wskit::server::auth {
namespace {

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<ClaimSet> ClaimSet::read(std::string text, std::span<const std::string_view> names) {
  ClaimSet set;
  set.text_ = std::move(text);
  protocol::JsonScanner scanner(set.text_);
  if (scanner.peek() != '{') return std::nullopt;
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    const std::string_view value = scanner.value();
    if (scanner.failed()) break;
    const auto name =
        std::ranges::find_if(names, [&](std::string_view each) { return protocol::spells(key, each); });
    if (name == names.end()) continue;
    std::erase_if(set.members_, [&](const Member& before) { return before.name == *name; });
    set.members_.push_back({*name, static_cast<std::size_t>(value.data() - set.text_.data()), value.size()});
  }
  if (!scanner.finish()) return std::nullopt;
  return set;
}

std::optional<std::string_view> ClaimSet::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &Member::name);
  if (found == members_.end()) return std::nullopt;
  return std::string_view(text_).substr(found->begin, found->size);
}

std::optional<std::string> text_of(std::string_view value) {
  if (!protocol::is_json_string(value)) return std::nullopt;
  std::string storage;
  const auto text = protocol::json_string(value, storage);
  if (!text) return std::nullopt;
  return std::string(*text);
}

std::optional<double> number_of(std::string_view value) {
  if (!protocol::is_json_number(value)) return std::nullopt;
  return whole<double>(value);
}

std::optional<bool> boolean_of(std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

std::optional<std::string> integer_of(std::string_view value) {
  if (!protocol::is_json_number(value)) return std::nullopt;
  if (const auto number = whole<std::int64_t>(value)) return std::to_string(*number);
  if (const auto number = whole<std::uint64_t>(value)) return std::to_string(*number);
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(std::string_view value) {
  std::vector<std::string> texts;
  const auto add = [&](std::string_view item) {
    auto text = text_of(item);
    if (!text) return false;
    texts.push_back(std::move(*text));
    return true;
  };
  if (protocol::is_json_string(value)) {
    if (!add(value)) return std::nullopt;
    return texts;
  }
  if (!value.starts_with('[')) return std::nullopt;
  protocol::JsonScanner scanner(value);
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    if (!add(scanner.value())) return std::nullopt;
  }
  return texts;
}

}  // namespace wskit::server::auth
