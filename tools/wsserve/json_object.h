// A JSON object, written member by member. Should there be no memory for one, it is as it
// was before: nlohmann's values cannot be made or destroyed then without a crash, so that
// what a server says while it runs is written here.
//
// Threads: one.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

#include "common/protocol/quote.h"

namespace wskit::server {

class JsonObject {
 public:
  // Whatever bytes it holds: see protocol::quote().
  void add(std::string_view name, std::string_view value) {
    std::string text;
    protocol::append_quoted(text, value);
    add_json(name, text);
  }
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, std::same_as<bool> auto value) { add_json(name, value ? "true" : "false"); }
  template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>) &&
      (!std::same_as<Number, bool>)void add(std::string_view name, Number value) {
    add_json(name, fmt::format("{}", value));
  }
  // `json`: a whole value.
  void add_json(std::string_view name, std::string_view json) {
    text_ += fmt::format("{}\"{}\":{}", text_.empty() ? '{' : ',', name, json);
  }

  [[nodiscard]] std::string text() const { return text_.empty() ? "{}" : text_ + '}'; }

 private:
  std::string text_;
};

}  // namespace wskit::server
