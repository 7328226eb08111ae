// One member of a route's `when`: what an event must have to be delivered.
//
// Threads: immutable values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "common/protocol/json_path.h"

namespace wskit::server::routing {

class Condition {
 public:
  // `name`: `type` for the event's type, else a path into its data. `value`: what
  // must be there, a list of which one must be, or {"exists":true} or false.
  [[nodiscard]] static protocol::Result<Condition> parse(const std::string& name,
                                                         const nlohmann::json& value);

  [[nodiscard]] bool holds(const protocol::PublishEvent& event) const;

  bool operator==(const Condition&) const = default;

 private:
  // A value that is looked for.
  struct Wanted {
    enum class Kind : unsigned char { kString, kNumber, kBoolean } kind = Kind::kString;
    std::string text;   // decoded, or as JSON
    double number = 0;  // of a number

    bool operator==(const Wanted&) const = default;
  };

  [[nodiscard]] static std::optional<Wanted> to_wanted(const nlohmann::json& value);
  [[nodiscard]] static bool equals(const Wanted& wanted, std::string_view value);

  std::optional<protocol::JsonPath> path_;  // nothing: the type
  std::optional<bool> exists_;              // nothing: one of any_of_
  std::vector<Wanted> any_of_;
};

}  // namespace wskit::server::routing
