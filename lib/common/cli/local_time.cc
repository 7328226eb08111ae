#include "common/cli/local_time.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

namespace wskit::cli {
namespace {

using protocol::SystemMicros;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::year_month_day;

struct DayWord {
  std::string_view word;
  int days;  // from today
};
constexpr std::array<DayWord, 3> kDayWords{{{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}}};

// The text matches `form`, where 0 stands for a digit.
bool begins_like(std::string_view text, std::string_view form) {
  if (text.size() < form.size()) return false;
  return std::ranges::equal(form, text.substr(0, form.size()),
                            [](char want, char c) { return want == '0' ? c >= '0' && c <= '9' : want == c; });
}

std::optional<DayWord> day_word(std::string_view text) {
  for (const DayWord& day : kDayWords) {
    const bool whole =
        text.size() == day.word.size() || (text.size() > day.word.size() && text[day.word.size()] == ' ');
    if (whole && text.starts_with(day.word)) return day;
  }
  return std::nullopt;
}

// The fields of the local day of `time`.
std::tm local_fields(SystemMicros time) {
  const std::time_t second = floor<seconds>(time).time_since_epoch().count();
  std::tm fields{};
  localtime_r(&second, &fields);
  return fields;
}

year_month_day local_day(SystemMicros time) {
  const std::tm fields = local_fields(time);
  return std::chrono::year{fields.tm_year + 1900} / (fields.tm_mon + 1) / fields.tm_mday;
}

struct ClockTime {
  int hour = 0;
  int minute = 0;
  int second = 0;
  microseconds fraction{0};
};

// Two digits off the front; a negative number where there are none.
int take_two(std::string_view& text) {
  if (!begins_like(text, "00")) return -1;
  const int number = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// `9:30`, `09:30:00.123`: off the front of `text`.
std::optional<ClockTime> take_clock(std::string_view& text) {
  ClockTime clock;
  if (begins_like(text, "0:")) {
    clock.hour = text[0] - '0';
    text.remove_prefix(1);
  } else {
    clock.hour = take_two(text);
  }
  if (!take(text, ':')) return std::nullopt;
  clock.minute = take_two(text);
  if (take(text, ':')) {
    clock.second = take_two(text);
    if (take(text, '.')) {
      if (!begins_like(text, "0")) return std::nullopt;
      for (std::int64_t unit = 100'000; begins_like(text, "0"); unit /= 10) {
        clock.fraction += microseconds{(text[0] - '0') * unit};
        text.remove_prefix(1);
      }
    }
  }
  const auto within = [](int value, int most) { return value >= 0 && value <= most; };
  if (!within(clock.hour, 23) || !within(clock.minute, 59) || !within(clock.second, 59)) return std::nullopt;
  return clock;
}

// `Z`, ` UTC`, `+01:00`, `+0100`: the whole of `text`.
std::optional<minutes> zone_offset(std::string_view text) {
  take(text, ' ');
  if (text == "Z" || text == "z" || text == "UTC") return minutes{0};
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const int hours = take_two(text);
  take(text, ':');
  const int rest = take_two(text);
  if (hours < 0 || hours > 23 || rest < 0 || rest > 59 || !text.empty()) return std::nullopt;
  const minutes offset{hours * 60 + rest};
  return west ? -offset : offset;
}

// By the C library, which knows when summer begins.
std::optional<SystemMicros> at_local(year_month_day day, const ClockTime& clock) {
  std::tm fields{};
  fields.tm_year = static_cast<int>(day.year()) - 1900;
  fields.tm_mon = static_cast<int>(static_cast<unsigned>(day.month())) - 1;
  fields.tm_mday = static_cast<int>(static_cast<unsigned>(day.day()));
  fields.tm_hour = clock.hour;
  fields.tm_min = clock.minute;
  fields.tm_sec = clock.second;
  fields.tm_isdst = -1;
  fields.tm_wday = -1;  // set where it succeeds: -1 is a second of 1969, too
  const std::time_t time = std::mktime(&fields);
  if (fields.tm_wday < 0) return std::nullopt;
  return SystemMicros{seconds{time} + clock.fraction};
}

ValueError bad(std::string_view text, std::string_view why) {
  return {fmt::format(
      "'{}' {}; write a time of day (09:30), a date (2026-11-20), both (2026-11-20 09:30), today or "
      "yesterday, or a time with its zone (2026-11-20T10:00:00Z)",
      text, why)};
}

LocalMoment moment(const std::tm& fields, microseconds fraction) {
  return {.date = fmt::format("{:04}-{:02}-{:02}", fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday),
          .clock = fmt::format("{:02}:{:02}:{:02}.{:06}", fields.tm_hour, fields.tm_min, fields.tm_sec,
                               fraction.count()),
          .offset = {}};
}

}  // namespace

bool looks_like_local_time(std::string_view text) {
  return begins_like(text, "0000-00-00") || begins_like(text, "00:00") || begins_like(text, "0:00") ||
         day_word(text).has_value();
}

ValueResult<SystemMicros> parse_local_time(std::string_view text, SystemMicros now) {
  std::string_view rest = text;
  year_month_day day = local_day(now);
  bool dated = true;
  if (const std::optional<DayWord> word = day_word(text)) {
    day = year_month_day{std::chrono::sys_days{day} + days{word->days}};
    rest.remove_prefix(word->word.size());
  } else if (begins_like(text, "0000-00-00")) {
    const int century = take_two(rest);
    day = std::chrono::year{century * 100 + take_two(rest)} / 1 / 1;
    take(rest, '-');
    const int month = take_two(rest);
    take(rest, '-');
    day = day.year() / month / take_two(rest);
    if (!day.ok()) return bad(text, "names a day that is in no calendar");
  } else {
    dated = false;
  }
  ClockTime clock;
  // A blank may also stand before the zone of a date.
  const bool timed = !dated || (rest.size() > 1 && begins_like(rest.substr(1), "0"));
  if (dated && timed && !take(rest, ' ') && !take(rest, 'T') && !take(rest, 't')) {
    return bad(text, "cannot be read as a date and a time");
  }
  if (timed) {
    const std::optional<ClockTime> taken = take_clock(rest);
    if (!taken) return bad(text, "has no time of day that there is");
    clock = *taken;
  }
  if (!rest.empty()) {
    const std::optional<minutes> offset = zone_offset(rest);
    if (!offset) return bad(text, fmt::format("has '{}' behind its time", rest));
    if (!dated) day = year_month_day{floor<days>(now + *offset)};
    return SystemMicros{std::chrono::sys_days{day} + std::chrono::hours{clock.hour} + minutes{clock.minute} +
                        seconds{clock.second} + clock.fraction - *offset};
  }
  const std::optional<SystemMicros> time = at_local(day, clock);
  if (!time) return bad(text, "is a time that this machine cannot tell");
  return *time;
}

LocalMoment local_moment(SystemMicros time) {
  const std::tm fields = local_fields(time);
  LocalMoment parts = moment(fields, time - floor<seconds>(time));
  const long offset = fields.tm_gmtoff / 60;
  parts.offset =
      fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
  return parts;
}

LocalMoment utc_moment(SystemMicros time) {
  const std::time_t second = floor<seconds>(time).time_since_epoch().count();
  std::tm fields{};
  gmtime_r(&second, &fields);
  LocalMoment parts = moment(fields, time - floor<seconds>(time));
  parts.offset.push_back('Z');
  return parts;
}

std::string format_local_time(SystemMicros time) {
  LocalMoment parts = local_moment(time);
  while (parts.clock.ends_with('0')) parts.clock.pop_back();
  if (parts.clock.ends_with('.')) parts.clock.pop_back();
  return fmt::format("{}T{}{}", parts.date, parts.clock, parts.offset);
}

}  // namespace wskit::cli
