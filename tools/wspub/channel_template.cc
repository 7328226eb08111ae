#include "wspub/channel_template.h"

#include <fmt/format.h>

#include <stdexcept>

#include "common/protocol/channel.h"
#include "common/protocol/quote.h"
#include "wspub/segment_text.h"

namespace wskit::pub {
namespace {

constexpr std::string_view kEncoded = "|segment";

using TemplateResult = boost::system::result<ChannelTemplate, TemplateError>;

TemplateError fault(std::string_view text, std::string_view what) {
  return {fmt::format("channel template {}: {}", protocol::quote(text), what)};
}

LineError bad_segment(const Fields& fields, const protocol::JsonPath& path, std::string_view value,
                      std::string_view why) {
  std::size_t column = 0;
  if (const auto found = fields.find(path)) column = fields.column(*found);
  return {column, fmt::format("the field {} is {}, which makes no channel segment: {}; {{{}{}}} makes it {}, "
                              "and --replace-with - puts another character there",
                              path.text(), protocol::quote(value), why, path.text(), kEncoded,
                              encode_segment(value, false))};
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

TemplateResult ChannelTemplate::parse(std::string_view text, std::string_view replacement) {
  auto name = protocol::ChannelTemplate::parse(text);
  if (!name) return TemplateError{name.error().message};
  ChannelTemplate result(*std::move(name));
  result.replacement_ = replacement;
  for (std::string_view place : result.name_.places()) {
    const bool encoded = place.ends_with(kEncoded);
    if (encoded) place.remove_suffix(kEncoded.size());
    auto path = protocol::JsonPath::parse(place);
    if (!path) return fault(text, path.error().message);
    result.fields_.push_back({*std::move(path), encoded});
  }
  if (auto checked = check_publishable(result.name_.sample()); !checked) {
    return result.is_fixed() ? checked.error() : fault(text, checked.error().message);
  }
  return result;
}

std::string_view ChannelTemplate::segment(std::string_view value, std::size_t place,
                                          std::string& storage) const {
  const bool begins_name = name_.begins_name(place);
  if (fields_[place].encoded) {
    storage = encode_segment(value, begins_name);
  } else if (!replacement_.empty() && !protocol::segment_fault(value, begins_name).empty()) {
    storage = replace_in_segment(value, begins_name, replacement_);
  } else {
    return value;
  }
  return storage;
}

LineResult<void> ChannelTemplate::render(const Fields& fields, std::string& out) const {
  std::vector<std::string> decoded(fields_.size());
  std::vector<std::string> texts(fields_.size());
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto value = fields.text(fields_[i].path, decoded[i]);
    if (!value) return value.error();
    const std::string_view text = segment(*value, i, texts[i]);
    if (const std::string why = protocol::segment_fault(text, name_.begins_name(i)); !why.empty()) {
      return bad_segment(fields, fields_[i].path, *value, why);
    }
    values.push_back(text);
  }
  name_.fill(values, out);
  if (out.size() > protocol::kMaxChannelBytes) {
    return LineError{0, fmt::format("the channel {} has {} bytes; at most {} are allowed",
                                    protocol::quote(out), out.size(), protocol::kMaxChannelBytes)};
  }
  return {};
}

}  // namespace wskit::pub
