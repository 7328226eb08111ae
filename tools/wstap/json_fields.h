// The members of a JSON object as text, for showing them to people: numbers stay
// as they were written.
//
// Threads: plain values.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::tap {

class JsonFields {
 public:
  // No members for text that is no object. `json` must outlive the fields.
  explicit JsonFields(std::string_view json);

  struct Member {
    std::string_view name;   // as it is written between its quotes
    std::string_view value;  // JSON text
  };
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }

  // The value of the first of `names` that is there, as JSON text; empty: none.
  [[nodiscard]] std::string_view json(std::initializer_list<std::string_view> names) const;
  // The same as people write it: a string without quotes and on one line.
  [[nodiscard]] std::string text(std::initializer_list<std::string_view> names) const;
  [[nodiscard]] std::optional<double> number(std::initializer_list<std::string_view> names) const;

 private:
  std::vector<Member> members_;
};

// A JSON value as people write it.
[[nodiscard]] std::string plain_text(std::string_view json);

}  // namespace wskit::tap
