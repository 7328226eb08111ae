// What the benchmark client and the limit writer agree on.
//
// A connection to /limit/<k> subscribes to channel k; one to /limit only connects.
// A publisher's binary frame carries a LimitOrder, then `ack_bytes` of frames to
// send back to it, then the frame that every subscriber of the channel gets. Its
// mask is all zeros.
//
// Threads: pure values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wskit::bench {

inline constexpr std::string_view kLimitPlainPath = "/limit";
inline constexpr std::string_view kLimitSubscribePath = "/limit/";

// In the byte order of the host, on which both ends are.
struct LimitOrder {
  std::uint32_t channel = 0;
  std::uint32_t ack_bytes = 0;
};

inline void append_order(const LimitOrder& order, std::string& out) {
  out.append(reinterpret_cast<const char*>(&order), sizeof order);
}

}  // namespace wskit::bench
