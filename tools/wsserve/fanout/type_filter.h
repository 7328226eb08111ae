// Which types of events a subscription wants: all but some, or only some.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::server {

class TypeFilter;
// Null: every type passes, which is the common case and costs nothing.
using TypeFilterPtr = std::shared_ptr<const TypeFilter>;

// Immutable; any thread.
class TypeFilter {
 public:
  [[nodiscard]] static TypeFilterPtr only(std::vector<std::string> types);

  // Makes a filter for the events that pass `filter` (null: everything) and are none of `types`.
  [[nodiscard]] static TypeFilterPtr without(const TypeFilterPtr& filter,
                                             std::span<const std::string_view> types);

  // Makes a filter for the events that pass one of the two; null, as they may be, if that is
  // everything.
  [[nodiscard]] static TypeFilterPtr either(const TypeFilterPtr& a, const TypeFilterPtr& b);

  [[nodiscard]] bool passes(std::string_view type) const;

  // The listed types; of an `only` filter those that pass.
  [[nodiscard]] const std::vector<std::string>& types() const { return types_; }
  [[nodiscard]] bool all_but() const { return all_but_; }

 private:
  TypeFilter(bool all_but, std::vector<std::string> types);
  static TypeFilterPtr make(bool all_but, std::vector<std::string> types);

  bool all_but_;
  std::vector<std::string> types_;  // sorted, each once
};

}  // namespace wskit::server
