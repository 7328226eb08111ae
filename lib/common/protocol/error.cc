#include "common/protocol/error.h"

#include <fmt/format.h>

#include <charconv>

namespace wskit::protocol {
namespace {

constexpr std::string_view kIndex = R"({"index":)";

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadJson:
      return "BAD_JSON";
    case ErrorCode::kBadCommand:
      return "BAD_COMMAND";
    case ErrorCode::kBadChannel:
      return "BAD_CHANNEL";
    case ErrorCode::kBadEvent:
      return "BAD_EVENT";
    case ErrorCode::kUnauthorized:
      return "UNAUTHORIZED";
    case ErrorCode::kForbidden:
      return "FORBIDDEN";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kTooLarge:
      return "TOO_LARGE";
    case ErrorCode::kTooManyChannels:
      return "TOO_MANY_CHANNELS";
    case ErrorCode::kRateLimited:
      return "RATE_LIMITED";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kInternal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

std::string place_in_batch(std::size_t index) { return fmt::format("event {} of the batch: ", index); }

Error at_index(Error error, std::size_t index) {
  error.message.insert(0, place_in_batch(index));
  error.details = error.details.empty() ? fmt::format("{}{}}}", kIndex, index)
                                        : fmt::format("{}{},{}", kIndex, index, error.details.substr(1));
  return error;
}

std::optional<std::size_t> index_of(const Error& error) {
  if (!error.details.starts_with(kIndex)) return std::nullopt;
  const char* const end = error.details.data() + error.details.size();
  std::size_t index = 0;
  const auto read = std::from_chars(error.details.data() + kIndex.size(), end, index);
  return read.ec == std::errc() ? std::optional(index) : std::nullopt;
}

}  // namespace wskit::protocol
