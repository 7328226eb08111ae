// Writes JSON text, member by member, at the end of a string.
//
//   JsonWriter json(out);
//   json.begin_object();
//   json.member("offset", std::uint64_t{7});
//   json.end_object();
//
// Puts the commas; the caller opens and closes in pairs. What `out` held before stays.
//
// Threads: one writer, one thread; the functions are pure.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace wskit::protocol {

// Appends `text` as a JSON string with its quotes. REQUIRES: valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }

  // The name of the member whose value comes next; it needs no escapes.
  void name(std::string_view name) {
    separate();
    out_.push_back('"');
    out_.append(name);
    out_.append("\":");
  }

  // The same of any text.
  void text_name(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_.push_back(':');
  }

  // A value of an array, or of the member that was named.
  void value(std::string_view text) {
    separate();
    append_json_string(out_, text);
  }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool yes) { json(yes ? "true" : "false"); }
  template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>) void value(Number number) {
    std::array<char, 32> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    json({text.data(), static_cast<std::size_t>(end - text.data())});
  }
  // JSON text, as it is.
  void json(std::string_view text) {
    separate();
    out_.append(text);
  }

  template <class Value>
  void member(std::string_view member_name, const Value& member_value) {
    name(member_name);
    value(member_value);
  }
  void member_json(std::string_view member_name, std::string_view text) {
    name(member_name);
    json(text);
  }
  // Null where there is no text.
  void member_or_null(std::string_view member_name, std::string_view text) {
    if (!text.empty()) return member(member_name, text);
    member_json(member_name, "null");
  }
  // Nothing where there is no value.
  template <class Value>
  void member_if(std::string_view member_name, const std::optional<Value>& member_value) {
    if (member_value) member(member_name, *member_value);
  }
  template <class Values>
  void member_list(std::string_view member_name, const Values& values) {
    name(member_name);
    begin_array();
    for (const auto& each : values) value(each);
    end_array();
  }

 private:
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    begun_ = true;
  }
  // Behind an opening bracket, a name and at the very beginning there is no comma. No value
  // ends like these, for a string ends with a quote.
  void separate() {
    if (begun_ && out_.back() != '{' && out_.back() != '[' && out_.back() != ':') out_.push_back(',');
    begun_ = true;
  }

  std::string& out_;
  bool begun_ = false;
};

}  // namespace wskit::protocol
