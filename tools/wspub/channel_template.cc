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
  auto name = protocol::ChannelTemplate::parse(text);
  if (!name) return TemplateError{name.error().message};
  ChannelTemplate result(*std::move(name));
  for (const std::string& place : result.name_.places()) {
    auto path = protocol::JsonPath::parse(place);
    if (!path) return fault(text, path.error().message);
    result.fields_.push_back(*std::move(path));
  }
  if (auto checked = check_publishable(result.name_.sample()); !checked) {
    return result.is_fixed() ? checked.error() : fault(text, checked.error().message);
  }
  return result;
}

LineResult<void> ChannelTemplate::render(const Fields& fields, std::string& out) const {
  std::vector<std::string> decoded(fields_.size());
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto value = fields.text(fields_[i], decoded[i]);
    if (!value) return value.error();
    if (std::string why = protocol::segment_fault(*value, name_.begins_name(i)); !why.empty()) {
      if (value->find('/') != std::string_view::npos) {
        why += "; replace it in the line, or take the whole channel with --channel-from";
      }
      return bad_segment(fields, fields_[i], *value, why);
    }
    values.push_back(*value);
  }
  name_.fill(values, out);
  if (out.size() > protocol::kMaxChannelBytes) {
    return LineError{0, fmt::format("the channel {} has {} bytes; at most {} are allowed",
                                    protocol::quote(out), out.size(), protocol::kMaxChannelBytes)};
  }
  return {};
}

}  // namespace wskit::pub
