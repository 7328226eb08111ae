// What became of the lines of a run: the numbers of the summary.
//
// Threads: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace wskit::pub {

// Each line read is counted in exactly one of acknowledged, skipped, refused,
// dropped, kept and unacknowledged when the run is over.
struct Totals {
  std::uint64_t read = 0;            // lines, but for blank ones
  std::uint64_t acknowledged = 0;    // without acknowledgements: sent
  std::uint64_t duplicates = 0;      // of the acknowledged: the server had them before
  std::uint64_t skipped = 0;         // by --on-invalid skip or dlq
  std::uint64_t refused = 0;         // what the run stopped at: not valid, or refused by the server
  std::uint64_t dropped = 0;         // read, and certainly not published
  std::uint64_t left = 0;            // of those: still to be published when the run ended
  std::uint64_t kept = 0;            // read and not published, and in the spill file
  std::uint64_t unacknowledged = 0;  // sent and not answered: published or not
  std::uint64_t reconnects = 0;
  std::uint64_t sent_again = 0;        // because the server could not take them for a moment
  std::uint64_t out_of_order = 0;      // of a replay: lines with a time before that of an earlier one
  std::chrono::nanoseconds elapsed{};  // of the whole run

  // Whether all that was read is where it belongs, and nothing happened on the way.
  [[nodiscard]] bool is_plain() const;
};

// What the summary calls a line that is done: it depends on who has confirmed it.
enum class DoneWord : std::uint8_t { kAcknowledged, kSent, kShown };

// "read 9946, acknowledged 9943, skipped 3, in 1.20 s (8285 lines/s)": what did not
// happen is not told.
[[nodiscard]] std::string summary(const Totals& totals, DoneWord word);

}  // namespace wskit::pub
