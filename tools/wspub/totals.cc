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

std::string summary(const Totals& totals, DoneWord word) {
  std::string text = fmt::format("read {}, {} {}", totals.read, to_string(word), totals.acknowledged);
  const auto add = [&text](const char* name, std::uint64_t count) {
    fmt::format_to(std::back_inserter(text), ", {} {}", name, count);
  };
  const bool answered = word == DoneWord::kAcknowledged;
  if (answered) fmt::format_to(std::back_inserter(text), " ({} duplicates)", totals.duplicates);
  add("skipped", totals.skipped);
  if (totals.refused != 0) add("refused", totals.refused);
  add("dropped", totals.dropped);
  if (totals.kept != 0) add("kept", totals.kept);
  if (answered) add("unacknowledged", totals.unacknowledged);
  add("reconnects", totals.reconnects);
  if (totals.sent_again != 0) add("sent again", totals.sent_again);
  if (totals.out_of_order != 0) add("out of order", totals.out_of_order);
  const double seconds = std::chrono::duration<double>(totals.elapsed).count();
  fmt::format_to(std::back_inserter(text), ", in {:.{}f}s", seconds, seconds < 10 ? 2 : 0);
  if (seconds > 0) {
    const double rate = static_cast<double>(totals.acknowledged) / seconds;
    fmt::format_to(std::back_inserter(text), " ({:.{}f} lines/s)", rate, rate < 100 ? 1 : 0);
  }
  return text;
}

}  // namespace wskit::pub
