#include "wstap/findings.h"

#include <fmt/core.h>

#include <algorithm>

namespace wskit::tap {

void Findings::add(const Incident& incident) {
  if (incident.is_gap()) gaps_ += std::max<std::uint64_t>(incident.missing_channels, 1);
  missing_ += incident.missing;
  switch (incident.kind) {
    case Incident::Kind::kGap:
    case Incident::Kind::kGapBefore:
    case Incident::Kind::kGapsElsewhere:
      break;
    case Incident::Kind::kNewEpoch:
      ++epochs_;
      break;
    case Incident::Kind::kDuplicate:
      ++duplicates_;
      break;
    case Incident::Kind::kLate:
      ++late_;
      break;
    case Incident::Kind::kBadMerge:
      ++merges_;
      break;
    case Incident::Kind::kForeign:
      ++foreign_;
      break;
  }
}

std::string Findings::text() const {
  std::string text;
  if (gaps_ > 0) text += fmt::format(", {}", plural(gaps_, "gap"));
  if (missing_ > 0) text += fmt::format(" ({} missing)", plural(missing_, "event"));
  if (epochs_ > 0) text += fmt::format(", {}", plural(epochs_, "new epoch"));
  if (duplicates_ > 0) text += fmt::format(", {}", plural(duplicates_, "duplicate"));
  if (late_ > 0) text += fmt::format(", {} out of order", late_);
  if (merges_ > 0) text += fmt::format(", {} that cannot be", plural(merges_, "merge"));
  if (foreign_ > 0) text += fmt::format(", {} not asked for", plural(foreign_, "channel"));
  return text;
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace wskit::tap
