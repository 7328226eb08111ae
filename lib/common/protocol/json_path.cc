#include "common/protocol/json_path.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <utility>

#include "common/protocol/json_value.h"

namespace wskit::protocol {
namespace {

// Splits a path into its steps, from the left.
class PathReader {
 public:
  explicit PathReader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return at_ == text_.size(); }

  bool accept(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // `name` of `.name`; empty where none stands here.
  std::string_view name() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(".[]\"{}", at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  std::optional<std::size_t> index() {
    std::size_t value = 0;
    const char* const first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc{}) return std::nullopt;
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }

  // `odd key` of `["odd key"]`, from behind the first quote to behind the second.
  std::optional<std::string_view> quoted() {
    const std::size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view key = text_.substr(at_, end - at_);
    at_ = end + 1;
    return key;
  }

  [[nodiscard]] PathError error(std::string_view what) const {
    return {fmt::format("path \"{}\": {} at column {}", text_, what, at_ + 1)};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// What a pointer's step is to an array: digits without a leading zero.
std::optional<std::size_t> pointer_index(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && (text.size() == 1 || text.front() != '0') ? std::optional(value) : std::nullopt;
}

}  // namespace

void throw_exception_from_error(const PathError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

boost::system::result<JsonPath, PathError> JsonPath::parse(std::string_view text) {
  PathReader reader(text);
  if (text.empty()) return reader.error("a field name is missing");
  if (text.starts_with('/')) return parse_pointer(text);
  JsonPath path;
  path.text_ = text.starts_with('.') || text.starts_with('[') ? std::string(text) : fmt::format(".{}", text);
  if (text == ".") return path;
  bool name_may_follow = !text.starts_with('[');
  reader.accept('.');
  while (!reader.done()) {
    if (reader.accept('[')) {
      if (reader.accept('"')) {
        const auto key = reader.quoted();
        if (!key) return reader.error("a closing quote is missing after");
        path.steps_.push_back({std::string(*key), {}});
      } else if (const auto index = reader.index()) {
        path.steps_.push_back({{}, *index});
      } else {
        return reader.error("an index from 0 or a quoted key is expected");
      }
      if (!reader.accept(']')) return reader.error("\"]\" is expected");
    } else {
      const std::string_view name = name_may_follow ? reader.name() : std::string_view();
      if (name.empty()) return reader.error("a field name is expected");
      path.steps_.push_back({std::string(name), {}});
    }
    name_may_follow = reader.accept('.');
    if (name_may_follow && reader.done()) return reader.error("a field name is missing");
  }
  return path;
}

boost::system::result<JsonPath, PathError> JsonPath::parse_pointer(std::string_view text) {
  JsonPath path;
  path.text_ = text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '/') {
      path.steps_.push_back({std::string(), {}});
    } else if (text[at] != '~') {
      *path.steps_.back().key += text[at];
    } else if (text.substr(at, 2) == "~0" || text.substr(at, 2) == "~1") {
      *path.steps_.back().key += text[++at] == '0' ? '~' : '/';
    } else {
      return PathError{fmt::format("path \"{}\": ~0 or ~1 is expected at column {}", text, at + 1)};
    }
  }
  for (Step& step : path.steps_) step.index = pointer_index(*step.key);
  return path;
}

std::optional<std::string_view> JsonPath::find(std::string_view value) const {
  std::optional<std::string_view> found = value;
  for (const Step& step : steps_) {
    const JsonKind kind = json_kind(*found);
    if (kind == JsonKind::kObject && step.key) {
      found = json_member(*found, *step.key);
    } else if (kind == JsonKind::kArray && step.index) {
      found = json_element(*found, *step.index);
    } else {
      return std::nullopt;
    }
    if (!found) break;
  }
  return found;
}

}  // namespace wskit::protocol
