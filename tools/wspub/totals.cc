#include "wspub/totals.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace wskit::pub {
namespace {

const char* to_string(DoneWord word) {
  switch (word) {
    case DoneWord::kAcknowledged:
      return "acknowledged";
    case DoneWord::kSent:
      return "sent";
    case DoneWord::kShown:
      break;
  }
  return "shown";
}

}  // namespace

bool Totals::is_plain() const {
  const std::uint64_t otherwise = duplicates + skipped + refused + dropped + kept + unacknowledged +
                                  reconnects + sent_again + out_of_order;
  return read == acknowledged && otherwise == 0;
}

std::string summary(const Totals& totals, DoneWord word) {
  std::string text = fmt::format("read {}, {} {}", totals.read, to_string(word), totals.acknowledged);
  const auto add = [&text](const char* name, std::uint64_t count) {
    if (count != 0) fmt::format_to(std::back_inserter(text), ", {} {}", name, count);
  };
  if (totals.duplicates != 0) fmt::format_to(std::back_inserter(text), " ({} duplicates)", totals.duplicates);
  add("skipped", totals.skipped);
  add("refused", totals.refused);
  add("dropped", totals.dropped - totals.left);
  add("not published", totals.left);
  add("kept", totals.kept);
  add("unacknowledged", totals.unacknowledged);
  add("reconnects", totals.reconnects);
  add("sent again", totals.sent_again);
  add("out of order", totals.out_of_order);
  const double seconds = std::chrono::duration<double>(totals.elapsed).count();
  fmt::format_to(std::back_inserter(text), ", in {:.{}f} s", seconds, seconds < 10 ? 2 : 0);
  // Of less the start is the largest part.
  if (seconds >= 1) {
    const double rate = static_cast<double>(totals.acknowledged) / seconds;
    fmt::format_to(std::back_inserter(text), " ({:.{}f} lines/s)", rate, rate < 100 ? 1 : 0);
  }
  return text;
}

}  // namespace wskit::pub
