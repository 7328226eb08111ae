#include "common/protocol/command_slices.h"

#include <fmt/format.h>

#include <optional>

namespace wskit::protocol {
namespace {

Error bad_json(std::string_view text, const JsonFault& fault) {
  return {ErrorCode::kBadJson,
          text.empty() ? "the message is empty; a command is a JSON object"
                       : fmt::format("invalid JSON at byte {}: {}", fault.position, fault.reason),
          fmt::format(R"({{"position":{}}})", fault.position)};
}

}  // namespace

Result<void> CommandSlices::cut(std::string_view text) {
  fields_.clear();
  element_count_ = 0;
  has_more_elements_ = false;
  JsonScanner scanner(text);
  const bool is_object = scanner.peek() == '{';
  if (is_object) {
    cut_fields(scanner);
  } else {
    (void)scanner.value();
  }
  if (!scanner.finish()) return bad_json(text, scanner.fault());
  if (is_object) return {};
  return Error{ErrorCode::kBadCommand, "a command is a JSON object such as {\"action\":\"ping\"}", ""};
}

void CommandSlices::cut_fields(JsonScanner& scanner) {
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    const std::optional<CommandField> field = kCommandFieldNames.find(key);
    const bool is_list = field == CommandField::kEvents && element_count_ == 0 && scanner.peek() == '[';
    const std::string_view value = is_list ? cut_elements(scanner) : scanner.value();
    if (scanner.failed()) continue;
    if (field) {
      fields_.put(*field, value);
    } else {
      fields_.pass_over(key);
    }
  }
}

std::string_view CommandSlices::cut_elements(JsonScanner& scanner) {
  const char* const first = scanner.position();
  for (bool more = scanner.begin_array(); more; more = scanner.next_element()) {
    if (element_count_ == kMaxListElements) {
      has_more_elements_ = true;
      (void)scanner.value();
      continue;
    }
    if (element_count_ == elements_.size()) elements_.emplace_back();
    Element& element = elements_[element_count_++];
    element.fields.clear();
    if (scanner.peek() != '{') {
      element.text = scanner.value();
      continue;
    }
    const char* const object = scanner.position();
    slice_fields(scanner, kCommandFieldNames, element.fields);
    element.text = {object, static_cast<std::size_t>(scanner.position() - object)};
  }
  return {first, static_cast<std::size_t>(scanner.position() - first)};
}

}  // namespace wskit::protocol
