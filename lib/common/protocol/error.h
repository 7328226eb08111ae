// Why a command was refused: a code that travels on the wire, and a sentence
// for the person who reads it.
//
// Threads: plain values.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace wskit::protocol {

// The codes of docs/protocol.md, "Errors". Their names travel on the wire and
// are never reused for another meaning.
enum class ErrorCode : std::uint8_t {
  kBadJson,
  kBadCommand,
  kBadChannel,
  kBadEvent,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kTooLarge,
  kTooManyChannels,
  kRateLimited,
  kUnavailable,
  kInternal,
};

// "BAD_JSON" and so on.
[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // names the thing and the remedy
  std::string details;  // a JSON object, or empty for none

  bool operator==(const Error&) const = default;
};

// An error of one event of a batch, with the event's number from 0 in front of
// its message and its details.
[[nodiscard]] Error at_index(Error error, std::size_t index);
// What at_index() has put there; nothing if it has not.
[[nodiscard]] std::optional<std::size_t> index_of(const Error& error);
[[nodiscard]] std::string place_in_batch(std::size_t index);

// boost::system::result asks for this: value() of a failed result is a bug of
// the caller, so it throws a logic error.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error(error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace wskit::protocol
