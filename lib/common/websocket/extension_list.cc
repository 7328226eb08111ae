#include "common/websocket/extension_list.h"

#include <utility>

namespace wskit::websocket {

namespace {

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

// Reads from the front of a header; each part leaves it as it was if it fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { skip_space(); }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  // One separator, and the white space around it.
  bool skip(char separator) {
    if (!rest_.starts_with(separator)) return false;
    rest_.remove_prefix(1);
    skip_space();
    return true;
  }

  // Empty if there is none.
  std::string_view token() {
    std::size_t size = 0;
    while (size < rest_.size() && is_token_char(rest_[size])) ++size;
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    skip_space();
    return token;
  }

  // A token, or a quoted string of which one remains without the quotes.
  std::optional<std::string> value() {
    if (!rest_.starts_with('"')) {
      const std::string_view plain = token();
      return plain.empty() ? std::nullopt : std::optional<std::string>(plain);
    }
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      char c = rest_[i];
      if (c == '"') {
        rest_.remove_prefix(i + 1);
        skip_space();
        return is_token(text) ? std::optional(std::move(text)) : std::nullopt;
      }
      if (c == '\\') {
        if (++i == rest_.size()) break;
        c = rest_[i];
      }
      text.push_back(c);
    }
    return std::nullopt;
  }

 private:
  void skip_space() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

std::optional<Extension> parse_extension(Scanner& scanner) {
  Extension extension{.name = scanner.token(), .parameters = {}};
  if (extension.name.empty()) return std::nullopt;
  while (scanner.skip(';')) {
    ExtensionParameter parameter{.name = scanner.token(), .value = std::nullopt};
    if (parameter.name.empty()) return std::nullopt;
    if (scanner.skip('=')) {
      parameter.value = scanner.value();
      if (!parameter.value) return std::nullopt;
    }
    extension.parameters.push_back(std::move(parameter));
  }
  return extension;
}

}  // namespace

std::optional<std::vector<Extension>> parse_extensions(std::string_view header) {
  std::vector<Extension> extensions;
  Scanner scanner(header);
  while (!scanner.at_end()) {
    if (scanner.skip(',')) continue;
    std::optional<Extension> extension = parse_extension(scanner);
    if (!extension || !(scanner.at_end() || scanner.skip(','))) return std::nullopt;
    extensions.push_back(*std::move(extension));
  }
  return extensions;
}

}  // namespace wskit::websocket
