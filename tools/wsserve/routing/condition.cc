#include "wsserve/routing/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/protocol/event.h"
#include "common/protocol/json_value.h"
#include "common/protocol/quote.h"

namespace wskit::server::routing {
namespace {

protocol::Error fault(std::string message) {
  return {protocol::ErrorCode::kBadCommand, std::move(message), {}};
}

// Equal numbers are equal as doubles, which is soon found out; integers past 2^53 that
// are not may be so too.
bool may_equal(std::string_view text, double wanted) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number == wanted;
}

}  // namespace

std::optional<Condition::Wanted> Condition::to_wanted(const nlohmann::json& value) {
  if (value.is_string()) return Wanted{.kind = Wanted::Kind::kString, .text = value.get<std::string>()};
  if (value.is_boolean()) return Wanted{.kind = Wanted::Kind::kBoolean, .text = value.dump()};
  if (!value.is_number()) return std::nullopt;
  return Wanted{.kind = Wanted::Kind::kNumber, .text = value.dump(), .number = value.get<double>()};
}

protocol::Result<Condition> Condition::parse(const std::string& name, const nlohmann::json& value) {
  Condition condition;
  if (name != "type") {
    const auto path = protocol::JsonPath::parse(name);
    if (!path) return fault(path.error().message);
    condition.path_ = *path;
  }
  if (value.is_object()) {
    const bool right = value.size() == 1 && value.contains("exists") && value["exists"].is_boolean();
    if (!right || !condition.path_) {
      return fault(
          fmt::format("{}: the only table here is {{ exists = true }} or {{ exists = false }}, of a value in "
                      "data",
                      name));
    }
    condition.exists_ = value["exists"].get<bool>();
    return condition;
  }
  for (const auto& item : value.is_array() ? value : nlohmann::json::array({value})) {
    auto wanted = to_wanted(item);
    if (!wanted)
      return fault(fmt::format("{}: a string, a number, true or false is needed, or a list of them", name));
    if (!condition.path_ && !protocol::is_valid_type(wanted->text)) {
      return fault(
          fmt::format("{}: {} is no event type; use 1 to 64 of A-Za-z0-9_.:-, or write .type for a member "
                      "of data",
                      name, protocol::quote(wanted->text)));
    }
    condition.any_of_.push_back(*std::move(wanted));
  }
  if (condition.any_of_.empty()) return fault(fmt::format("{}: an empty list holds for no event", name));
  return condition;
}

bool Condition::equals(const Wanted& wanted, std::string_view value) {
  std::string decoded;
  switch (protocol::json_kind(value)) {
    case protocol::JsonKind::kString: {
      if (wanted.kind != Wanted::Kind::kString) return false;
      const auto text = protocol::json_string(value, decoded);
      return text && *text == wanted.text;
    }
    case protocol::JsonKind::kNumber:
      return wanted.kind == Wanted::Kind::kNumber && may_equal(value, wanted.number) &&
             protocol::equal_numbers(value, wanted.text);
    case protocol::JsonKind::kBoolean:
      return wanted.kind == Wanted::Kind::kBoolean && value == wanted.text;
    default:
      return false;
  }
}

bool Condition::holds(const protocol::PublishEvent& event) const {
  if (!path_) {
    return std::ranges::any_of(any_of_, [&](const Wanted& wanted) { return wanted.text == event.type; });
  }
  const auto found = path_->find(event.data);
  if (exists_) return found.has_value() == *exists_;
  return found && std::ranges::any_of(any_of_, [&](const Wanted& wanted) { return equals(wanted, *found); });
}

}  // namespace wskit::server::routing
