// Why one attempt to connect failed, with what decides whether another follows.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "common/client/failure.h"
#include "common/protocol/utf8.h"

namespace wskit::client {

struct ConnectFailure {
  Failure failure;
  bool temporary = false;  // the same attempt may succeed later
  bool passing = false;    // it may where one succeeded before: a 404 in a deployment
  std::optional<std::chrono::nanoseconds> retry_after;  // the server's word
};

// Whether the same attempt may succeed later.
enum class Lasting : bool { kNo, kYes };

// `message` may quote bytes of any kind.
[[nodiscard]] inline ConnectFailure connect_failure(FailureKind kind, std::string_view message,
                                                    Lasting lasting) {
  ConnectFailure result;
  result.failure.kind = kind;
  result.failure.message = protocol::to_utf8(message);
  result.temporary = lasting == Lasting::kNo;
  return result;
}

}  // namespace wskit::client
