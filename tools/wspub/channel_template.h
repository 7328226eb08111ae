// Where lines go: a channel name with fields of the line in it, such as
// `market/{symbol}` or `fills/{strategy}/{legs[0].symbol}`.
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
  [[nodiscard]] static boost::system::result<ChannelTemplate, TemplateError> parse(std::string_view text);

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
  std::vector<protocol::JsonPath> fields_;  // one for each of its places
};

}  // namespace wskit::pub
