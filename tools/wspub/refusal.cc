#include "wspub/refusal.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"

namespace wskit::pub {
namespace {

enum class Detail : std::uint8_t { kIndex, kRetryAfter, kSequence, kOldest };
constexpr protocol::FieldNames<Detail, 4> kDetails{{"index", "retry_after", "sequence", "oldest"}};

// No server means to send a publisher away for longer.
constexpr double kLongestRetrySeconds = 3600;

template <class Number>
std::optional<Number> read_number(std::string_view json) {
  Number value{};
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (error != std::errc{} || end != json.data() + json.size()) return std::nullopt;
  return value;
}

}  // namespace

Refusal read_refusal(const protocol::Refused& refused) {
  Refusal refusal{
      .code = refused.code, .message = refused.message, .index = {}, .oldest = {}, .retry_after = {}};
  if (refused.details.empty()) return refusal;
  protocol::JsonScanner scanner(refused.details);
  protocol::FieldSlices<Detail, 4> details;
  slice_fields(scanner, kDetails, details);
  refusal.index = read_number<std::size_t>(details[Detail::kIndex]);
  if (details.has(Detail::kSequence)) refusal.oldest = read_number<std::int64_t>(details[Detail::kOldest]);
  if (const auto seconds = read_number<double>(details[Detail::kRetryAfter]); seconds && *seconds >= 0) {
    refusal.retry_after = std::chrono::round<std::chrono::nanoseconds>(
        std::chrono::duration<double>(std::min(*seconds, kLongestRetrySeconds)));
  }
  return refusal;
}

}  // namespace wskit::pub
