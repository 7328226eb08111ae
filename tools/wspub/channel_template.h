// Where lines go: a channel name with fields of the line in it, such as
// `market/{symbol}` or `fills/{strategy}/{legs[0].symbol}`. With `{symbol|segment}` any
// value makes a segment (encode_segment).
//
// Threads: immutable values.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/protocol/channel_template.h"
#include "common/protocol/json_path.h"
#include "wspub/fields.h"
#include "wspub/line_error.h"

namespace wskit::pub {

struct TemplateError {
  std::string message;  // names the fault and the remedy
};
[[noreturn]] void throw_exception_from_error(const TemplateError& error, const boost::source_location&);

// Whether events can be published to `channel`; the reason if not. Who may publish
// in the server's own space (@user/<user>, @all) is for the server to say.
[[nodiscard]] boost::system::result<void, TemplateError> check_publishable(std::string_view channel);

class ChannelTemplate {
 public:
  // Where `replacement` is not empty, it stands for each character of a value that a
  // segment cannot hold.
  [[nodiscard]] static boost::system::result<ChannelTemplate, TemplateError> parse(
      std::string_view text, std::string_view replacement = {});

  // Whether there is no field in it: every line goes to text().
  [[nodiscard]] bool is_fixed() const { return name_.is_fixed(); }
  [[nodiscard]] const std::string& text() const { return name_.text(); }

  // Writes the channel of one line into `out`, replacing what it holds. An error
  // where a field is missing, is no scalar, or does not make a segment: a value
  // fills (a part of) one segment and never adds one.
  [[nodiscard]] LineResult<void> render(const Fields& fields, std::string& out) const;

 private:
  explicit ChannelTemplate(protocol::ChannelTemplate name) : name_(std::move(name)) {}

  protocol::ChannelTemplate name_;
  struct Field {
    protocol::JsonPath path;
    bool encoded = false;  // {…|segment}
  };

  // The text of a value in its place; in `storage`, unless it is the value itself.
  [[nodiscard]] std::string_view segment(std::string_view value, std::size_t place,
                                         std::string& storage) const;

  std::vector<Field> fields_;  // one for each of its places
  std::string replacement_;    // empty: none
};

}  // namespace wskit::pub
