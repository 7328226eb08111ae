#include "wstap/findings.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/text.h"

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
  if (gaps_ > 0) text += fmt::format(", {}", counted(gaps_, "gap"));
  if (missing_ > 0) text += fmt::format(" ({} missing)", counted(missing_, "event"));
  if (epochs_ > 0) text += fmt::format(", {}", counted(epochs_, "new epoch"));
  if (duplicates_ > 0) text += fmt::format(", {}", counted(duplicates_, "duplicate"));
  if (late_ > 0) text += fmt::format(", {} out of order", late_);
  if (merges_ > 0) text += fmt::format(", {} that cannot be", counted(merges_, "merge"));
  if (foreign_ > 0) text += fmt::format(", {} not asked for", counted(foreign_, "channel"));
  return text;
}

}  // namespace wskit::tap
