#include "wspub/channel_template.h"

#include <fmt/format.h>

#include <stdexcept>

#include "common/protocol/channel.h"
#include "common/protocol/quote.h"

namespace wskit::pub {
namespace {

using TemplateResult = boost::system::result<ChannelTemplate, TemplateError>;

TemplateError fault(std::string_view text, std::string_view what) {
  return {fmt::format("channel template {}: {}", protocol::quote(text), what)};
}

LineError bad_segment(const Fields& fields, const protocol::JsonPath& path, std::string_view value,
                      std::string_view why) {
  std::size_t column = 0;
  if (const auto found = fields.find(path)) column = fields.column(*found);
  return {column, fmt::format("the field {} is {}, which makes no channel segment: {}", path.text(),
                              protocol::quote(value), why)};
}

}  // namespace

void throw_exception_from_error(const TemplateError& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

boost::system::result<void, TemplateError> check_publishable(std::string_view channel) {
  if (protocol::is_server_channel(channel)) {
    return TemplateError{
        fmt::format("channel {}: names that begin with @ are the server's own; publish to another",
                    protocol::quote(channel))};
  }
  if (protocol::looks_like_pattern(channel)) {
    return TemplateError{fmt::format("channel {}: a pattern is for subscribing; to publish, name one channel",
                                     protocol::quote(channel))};
  }
  if (const auto checked = protocol::check_channel(channel); !checked) {
    return TemplateError{checked.error().message};
  }
  return {};
}

TemplateResult ChannelTemplate::parse(std::string_view text) {
  ChannelTemplate result;
  result.text_ = text;
  std::string* literal = &result.before_;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    literal->append(text, at, brace - at);
    if (brace == text.size()) break;
    const std::size_t close = text.find('}', brace);
    if (text[brace] == '}') return fault(text, fmt::format("the }} at column {} closes nothing", brace + 1));
    if (close == std::string_view::npos) {
      return fault(text, fmt::format("the {{ at column {} is not closed", brace + 1));
    }
    auto path = protocol::JsonPath::parse(text.substr(brace + 1, close - brace - 1));
    if (!path) return fault(text, path.error().message);
    result.fields_.push_back({*std::move(path), {}});
    literal = &result.fields_.back().after;
    at = close + 1;
  }
  std::string sample = result.before_;
  for (const Field& field : result.fields_) sample += 'x' + field.after;
  if (auto checked = check_publishable(sample); !checked) {
    return result.is_fixed() ? checked.error() : fault(text, checked.error().message);
  }
  return result;
}

LineResult<void> ChannelTemplate::render(const Fields& fields, std::string& out) const {
  out = before_;
  std::string storage;
  for (const Field& field : fields_) {
    const auto value = fields.text(field.path, storage);
    if (!value) return value.error();
    if (value->empty()) return bad_segment(fields, field.path, *value, "it is empty");
    if (value->find('/') != std::string_view::npos) {
      return bad_segment(
          fields, field.path, *value,
          "it holds a /; replace it in the line, or take the whole channel with --channel-from");
    }
    if (out.empty() && value->front() == '@') {
      return bad_segment(fields, field.path, *value, "channels that begin with @ are the server's own");
    }
    // A name of one segment is judged by the same rules as that segment.
    if (const auto checked = protocol::check_channel(*value); !checked) {
      return bad_segment(fields, field.path, *value, checked.error().message);
    }
    out.append(*value).append(field.after);
  }
  if (out.size() > protocol::kMaxChannelBytes) {
    return LineError{0, fmt::format("the channel {} has {} bytes; at most {} are allowed",
                                    protocol::quote(out), out.size(), protocol::kMaxChannelBytes)};
  }
  return {};
}

}  // namespace wskit::pub
