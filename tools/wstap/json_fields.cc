#include "wstap/json_fields.h"

#include <charconv>

#include "common/cli/text_width.h"
#include "common/protocol/json_text.h"

namespace wskit::tap {

JsonFields::JsonFields(std::string_view json) {
  protocol::JsonScanner scanner(json);
  if (scanner.peek() != '{') return;
  std::string_view name;
  for (bool more = scanner.begin_object(name); more; more = scanner.next_member(name)) {
    members_.push_back({name, scanner.value()});
  }
}

std::string_view JsonFields::json(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    for (const Member& member : members_) {
      if (member.name == name) return member.value;
    }
  }
  return {};
}

std::string JsonFields::text(std::initializer_list<std::string_view> names) const {
  return plain_text(json(names));
}

std::optional<double> JsonFields::number(std::initializer_list<std::string_view> names) const {
  std::string_view text = json(names);
  // Exchanges write prices as strings.
  if (text.size() >= 2 && protocol::is_json_string(text)) text = text.substr(1, text.size() - 2);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string plain_text(std::string_view json) {
  std::string text;
  const bool decoded =
      protocol::is_json_string(json) && protocol::append_decoded(text, json.substr(1, json.size() - 2));
  return cli::printable(decoded ? std::string_view(text) : json);
}

}  // namespace wskit::tap
