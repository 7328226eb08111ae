#include "wsserve/store/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

namespace wskit::server::store {
namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377F0682;  // and one more where sums are of big-endian words
constexpr std::string_view kMarkName = "log ";
constexpr std::string_view kClosedName = "closed";

// A log may begin anew more than once between two commits of this server, for others
// may write too; but not so often that another file's random number passes for one.
constexpr std::uint32_t kMaxGenerations = 65'536;

using Bytes = std::span<const unsigned char>;

std::uint32_t big_endian(Bytes bytes, std::size_t at) {
  return (std::uint32_t{bytes[at]} << 24U) | (std::uint32_t{bytes[at + 1]} << 16U) |
         (std::uint32_t{bytes[at + 2]} << 8U) | bytes[at + 3];
}

std::uint32_t little_endian(Bytes bytes, std::size_t at) {
  return (std::uint32_t{bytes[at + 3]} << 24U) | (std::uint32_t{bytes[at + 2]} << 16U) |
         (std::uint32_t{bytes[at + 1]} << 8U) | bytes[at];
}

struct Sum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool big = false;

  // REQUIRES: a multiple of 8 bytes.
  void add(Bytes bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      first += (big ? big_endian(bytes, at) : little_endian(bytes, at)) + second;
      second += (big ? big_endian(bytes, at + 4) : little_endian(bytes, at + 4)) + first;
    }
  }
  [[nodiscard]] bool stands_at(Bytes bytes, std::size_t at) const {
    return big_endian(bytes, at) == first && big_endian(bytes, at + 4) == second;
  }
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string padded(std::string text) {
  text.resize(LogMark::kBytes - 1, ' ');
  text += '\n';
  return text;
}

template <class Number>
bool take_number(std::string_view& text, Number& number, int base) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string LogMark::text() const {
  return padded(fmt::format("{}{:08x} {:08x} {}", kMarkName, salts.first, salts.second, frames));
}

std::optional<LogMark> LogMark::parse(std::string_view text) {
  if (!text.starts_with(kMarkName)) return std::nullopt;
  text.remove_prefix(kMarkName.size());
  LogMark mark;
  if (!take_number(text, mark.salts.first, 16) || !take_number(text, mark.salts.second, 16) ||
      !take_number(text, mark.frames, 10)) {
    return std::nullopt;
  }
  return mark;
}

std::string closed_mark() { return padded(std::string(kClosedName)); }

LogScan scan_log(const std::string& path) {
  LogScan scan;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return scan;
  std::array<unsigned char, kHeaderBytes> header{};
  if (std::fread(header.data(), 1, header.size(), file.get()) != header.size()) return scan;
  const std::uint32_t magic = big_endian(header, 0);
  const std::uint32_t page_bytes = big_endian(header, 8);
  scan.salts = {.first = big_endian(header, 16), .second = big_endian(header, 20)};
  const bool is_page_size = page_bytes >= 512 && page_bytes <= 65'536 && (page_bytes & (page_bytes - 1)) == 0;
  Sum sum{.big = magic == kMagic + 1};
  sum.add(Bytes(header).first(24));
  if ((magic != kMagic && !sum.big) || !is_page_size || !sum.stands_at(header, 24)) return scan;
  scan.exists = true;

  std::vector<unsigned char> frame(kFrameHeaderBytes + page_bytes);
  bool good = true;
  for (std::uint32_t number = 1;; ++number) {
    const std::size_t read = std::fread(frame.data(), 1, frame.size(), file.get());
    if (read < kFrameHeaderBytes) return scan;
    const bool ours = LogSalts{.first = big_endian(frame, 8), .second = big_endian(frame, 12)} == scan.salts;
    if (!good) {
      if (!ours) continue;
      scan.goes_on = true;
      return scan;
    }
    const Bytes bytes(frame);
    if (ours && read == frame.size()) {
      sum.add(bytes.first(8));
      sum.add(bytes.subspan(kFrameHeaderBytes));
    }
    good = ours && read == frame.size() && big_endian(bytes, 0) != 0 && sum.stands_at(bytes, 16);
    const bool is_commit = big_endian(bytes, 4) != 0;
    if (good && is_commit) scan.frames = number;
  }
}

std::optional<LogSalts> read_salts(int descriptor) {
  std::array<unsigned char, 8> salts{};
  if (::pread(descriptor, salts.data(), salts.size(), 16) != static_cast<ssize_t>(salts.size())) {
    return std::nullopt;
  }
  return LogSalts{.first = big_endian(salts, 0), .second = big_endian(salts, 4)};
}

std::uint64_t log_bytes(std::uint32_t frames, std::uint32_t page_bytes) {
  return frames == 0 ? 0 : kHeaderBytes + std::uint64_t{frames} * (kFrameHeaderBytes + page_bytes);
}

bool holds(const LogScan& found, const LogMark& mark) {
  if (mark.frames == 0) return true;
  if (!found.exists) return false;
  if (found.salts == mark.salts) return found.frames >= mark.frames;
  const std::uint32_t generations = found.salts.first - mark.salts.first;
  return generations >= 1 && generations <= kMaxGenerations;
}

}  // namespace wskit::server::store
