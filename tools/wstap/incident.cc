#include "wstap/incident.h"

#include <fmt/core.h>

#include "common/protocol/json_writer.h"
#include "common/text.h"

namespace wskit::tap {
namespace {

std::string range(std::uint64_t first, std::uint64_t last) {
  return first == last ? fmt::format("event {}", first) : fmt::format("events {} to {}", first, last);
}

void append_member(std::string& out, std::string_view name, std::string_view json) {
  if (!out.ends_with('{')) out += ',';
  out += fmt::format("\"{}\":{}", name, json);
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  std::string json;
  protocol::append_json_string(json, text);
  append_member(out, name, json);
}

void append_number(std::string& out, std::string_view name, std::optional<std::uint64_t> number) {
  append_member(out, name, number ? std::to_string(*number) : "null");
}

void append_epoch(std::string& out, std::string_view name, std::string_view epoch) {
  if (epoch.empty()) return append_member(out, name, "null");
  append_text(out, name, epoch);
}

struct Range {
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;
  std::optional<std::uint64_t> missing;
  std::optional<std::uint64_t> channels{};  // that they are of
};

std::string gap_record(std::string_view channel, const Range& range, std::string_view epoch) {
  std::string data = "{";
  append_number(data, "from", range.from);
  append_number(data, "to", range.to);
  append_epoch(data, "epoch", epoch);
  append_number(data, "missing", range.missing);
  if (range.channels) append_number(data, "channels", range.channels);
  data += '}';
  std::string record = R"({"type":"gap")";
  append_text(record, "channel", channel);
  append_member(record, "data", data);
  record += "}\n";
  return record;
}

std::string_view name_of(Incident::Kind kind) {
  switch (kind) {
    case Incident::Kind::kGap:
    case Incident::Kind::kGapBefore:
    case Incident::Kind::kGapsElsewhere:
      return "gap";
    case Incident::Kind::kNewEpoch:
      return "epoch";
    case Incident::Kind::kDuplicate:
      return "duplicate";
    case Incident::Kind::kLate:
      return "order";
    case Incident::Kind::kBadMerge:
      return "merge";
    case Incident::Kind::kForeign:
      return "channel";
  }
  return "gap";
}

}  // namespace

std::string Incident::describe(std::string_view channel) const {
  const std::string held =
      oldest && is_gap() ? fmt::format("; the oldest that is held is {}", *oldest) : std::string{};
  switch (kind) {
    case Kind::kGap: {
      const bool all = missing == last - first + 1;
      return fmt::format("gap in {}: {}{} missing{}{}", channel, all ? "" : fmt::format("{} of ", missing),
                         range(first, last), filtered ? ", as far as they have the types asked for" : "",
                         held);
    }
    case Kind::kGapBefore:
      return fmt::format("gap in {}: events before {} are missing, how many is not known", channel, last + 1);
    case Kind::kGapsElsewhere:
      return fmt::format("gaps in {} of {}, which the server does not name",
                         counted(missing_channels, "more channel"), channel);
    case Kind::kNewEpoch: {
      std::string text = fmt::format("gap in {}: the channel began anew, and what followed event {} is lost",
                                     channel, previous);
      if (last >= first) text += fmt::format(", so {} of the new count", range(first, last));
      return text;
    }
    case Kind::kDuplicate:
      return fmt::format("event {} of {} came a second time, after event {}; it is passed over", first,
                         channel, previous);
    case Kind::kLate:
      return fmt::format("event {} of {} came too late, after event {}", first, channel, previous);
    case Kind::kBadMerge:
      return fmt::format("event {} of {} says that it stands for {} others from {} on, which cannot be",
                         first, channel, merged, last);
    case Kind::kForeign:
      return fmt::format("event {} came of {}, which was not asked for", first, channel);
  }
  return {};
}

std::string Incident::json(std::string_view channel) const {
  std::string out = "{";
  append_text(out, "incident", name_of(kind));
  append_text(out, "channel", channel);
  append_epoch(out, "epoch", epoch);
  switch (kind) {
    case Kind::kGap:
      append_number(out, "from", first);
      append_number(out, "to", last);
      append_number(out, "missing", missing);
      break;
    case Kind::kGapBefore:
      append_number(out, "from", std::nullopt);
      append_number(out, "to", last);
      append_number(out, "missing", std::nullopt);
      break;
    case Kind::kGapsElsewhere:
      append_number(out, "from", std::nullopt);
      append_number(out, "to", std::nullopt);
      append_number(out, "missing", std::nullopt);
      append_number(out, "channels", missing_channels);
      break;
    case Kind::kNewEpoch:
      append_epoch(out, "previous_epoch", previous_epoch);
      append_number(out, "after", previous);
      append_number(out, "missing", last >= first ? last - first + 1 : 0);
      break;
    case Kind::kDuplicate:
    case Kind::kLate:
      append_number(out, "offset", first);
      append_number(out, "after", previous);
      break;
    case Kind::kBadMerge:
      append_number(out, "offset", first);
      append_number(out, "after", previous);
      append_number(out, "from", last);
      append_number(out, "merged", merged);
      break;
    case Kind::kForeign:
      append_number(out, "offset", first);
      break;
  }
  out += '}';
  return out;
}

std::string gap_records(std::string_view channel, const Incident& incident) {
  if (incident.kind == Incident::Kind::kGap) {
    return gap_record(channel, {incident.first, incident.last, incident.missing}, incident.epoch);
  }
  if (incident.kind == Incident::Kind::kGapBefore) {
    return gap_record(channel, {std::nullopt, incident.last, std::nullopt}, incident.epoch);
  }
  if (incident.kind == Incident::Kind::kGapsElsewhere) {
    return gap_record(channel, {std::nullopt, std::nullopt, std::nullopt, incident.missing_channels}, {});
  }
  std::string records =
      gap_record(channel, {incident.previous + 1, std::nullopt, std::nullopt}, incident.previous_epoch);
  if (incident.last >= incident.first) {
    records += gap_record(channel, {incident.first, incident.last, incident.last - incident.first + 1},
                          incident.epoch);
  }
  return records;
}

}  // namespace wskit::tap
