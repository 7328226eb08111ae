#include "common/protocol/timestamp.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/protocol/quote.h"

namespace wskit::protocol {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

// Where the fraction begins, after its point.
constexpr std::size_t kSecondBytes = 19;
constexpr std::size_t kFractionDigits = 6;

// The years that four digits can say; moments outside are written as the nearest.
constexpr SystemMicros kEarliest{sys_days{std::chrono::year{0} / 1 / 1}};
constexpr SystemMicros kLatest{sys_days{std::chrono::year{10000} / 1 / 1} - microseconds{1}};

void write_digits(char* out, std::size_t digits, std::uint64_t value) {
  while (digits-- > 0) {
    out[digits] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

void write_second(char* out, sys_seconds time) {
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  write_digits(out, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  out[4] = '-';
  write_digits(out + 5, 2, static_cast<unsigned>(date.month()));
  out[7] = '-';
  write_digits(out + 8, 2, static_cast<unsigned>(date.day()));
  out[10] = 'T';
  write_digits(out + 11, 2, static_cast<std::uint64_t>(clock.hours().count()));
  out[13] = ':';
  write_digits(out + 14, 2, static_cast<std::uint64_t>(clock.minutes().count()));
  out[16] = ':';
  write_digits(out + 17, 2, static_cast<std::uint64_t>(clock.seconds().count()));
}

void write_fraction(char* out, microseconds fraction) {
  out[0] = '.';
  write_digits(out + 1, kFractionDigits, static_cast<std::uint64_t>(fraction.count()));
  out[1 + kFractionDigits] = 'Z';
}

// Reads the parts of a date-time from left to right; after the first that does
// not fit, `ok` stays false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    ok_ = ok_ && value >= low && value <= high;
    return value;
  }

  // One of two characters.
  void expect(char a, char b) {
    const char c = take();
    ok_ = ok_ && (c == a || c == b);
  }

  bool accept(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Digits after a point, at least one; those past the microsecond are cut.
  microseconds fraction() {
    std::int64_t micros = digit() * std::int64_t{100'000};
    for (std::int64_t unit = 10'000; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; unit /= 10) {
      micros += digit() * unit;
    }
    return microseconds{micros};
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  char take() {
    if (rest_.empty()) {
      ok_ = false;
      return '\0';
    }
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  int digit() {
    const char c = take();
    if (c < '0' || c > '9') {
      ok_ = false;
      return 0;
    }
    return c - '0';
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct LocalTime {
  year_month_day date;
  int hour = 0;
  int minute = 0;
  int second = 0;
  microseconds fraction{0};
  std::chrono::minutes offset{0};
};

LocalTime read_local_time(Reader& reader) {
  LocalTime time;
  const std::chrono::year year{reader.number(4, 0, 9999)};
  reader.expect('-', '-');
  const std::chrono::month month{static_cast<unsigned>(reader.number(2, 1, 12))};
  reader.expect('-', '-');
  time.date = {year, month, std::chrono::day{static_cast<unsigned>(reader.number(2, 1, 31))}};
  reader.expect('T', 't');
  time.hour = reader.number(2, 0, 23);
  reader.expect(':', ':');
  time.minute = reader.number(2, 0, 59);
  reader.expect(':', ':');
  time.second = reader.number(2, 0, 60);
  if (reader.accept('.')) time.fraction = reader.fraction();
  if (reader.accept('Z') || reader.accept('z')) return time;
  const bool west = reader.accept('-');
  if (!west) reader.expect('+', '+');
  const int hours = reader.number(2, 0, 23);
  reader.expect(':', ':');
  time.offset = std::chrono::minutes{hours * 60 + reader.number(2, 0, 59)};
  if (west) time.offset = -time.offset;
  return time;
}

// A leap second is announced for the end of a month in UTC.
bool is_leap_second(sys_seconds minute) {
  const sys_seconds next_minute = minute + std::chrono::minutes{1};
  const sys_days day = floor<days>(next_minute);
  return next_minute == day && year_month_day{day}.day() == std::chrono::day{1};
}

Error refuse(std::string_view text, std::string_view reason) {
  return {ErrorCode::kBadEvent,
          "the timestamp " + quote(text) + std::string(reason) +
              "; write it as RFC 3339 has it, such as \"2026-11-20T10:00:00.123456Z\"",
          ""};
}

}  // namespace

Timestamp::Timestamp(SystemMicros time) {
  time = std::clamp(time, kEarliest, kLatest);
  const sys_seconds second = floor<seconds>(time);
  write_second(text_.data(), second);
  write_fraction(text_.data() + kSecondBytes, time - second);
}

SystemMicros system_now() { return floor<microseconds>(std::chrono::system_clock::now()); }

Timestamp Timestamp::now() { return Timestamp(system_now()); }

std::string_view TimestampWriter::write(SystemMicros time) {
  time = std::clamp(time, kEarliest, kLatest);
  const sys_seconds second = floor<seconds>(time);
  if (second != second_) {
    write_second(text_.data(), second);
    second_ = second;
  }
  write_fraction(text_.data() + kSecondBytes, time - second);
  return {text_.data(), text_.size()};
}

Result<SystemMicros> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const LocalTime time = read_local_time(reader);
  if (!reader.ok() || !reader.at_end()) return refuse(text, " cannot be read");
  if (!time.date.ok()) return refuse(text, " names a day that the month does not have");
  const sys_seconds minute =
      sys_days{time.date} + std::chrono::hours{time.hour} + std::chrono::minutes{time.minute} - time.offset;
  if (time.second == 60 && !is_leap_second(minute))
    return refuse(text, " has a leap second where none can be");
  return minute + seconds{time.second} + time.fraction;
}

}  // namespace wskit::protocol
