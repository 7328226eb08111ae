#include "wspub/record_splitter.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace wskit::pub {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

RecordSplitter::RecordSplitter(Separator separator, std::size_t max_record_bytes)
    : separator_(separator), max_record_bytes_(max_record_bytes), buffer_(kReadBytes) {}

std::span<char> RecordSplitter::writable() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(std::max(buffer_.size() * 2, end_ + kReadBytes));
  return std::span(buffer_).subspan(end_);
}

// Bytes of which a mark begins are held until it is whole: no separator is among them.
void RecordSplitter::pass_over_mark() {
  const std::string_view bytes(buffer_.data() + begin_, end_ - begin_);
  if (kByteOrderMark.starts_with(bytes)) return;
  at_start_ = false;
  if (!bytes.starts_with(kByteOrderMark)) return;
  begin_ += kByteOrderMark.size();
  scanned_ = begin_;
}

RecordSplitter::Item RecordSplitter::next() {
  if (at_start_) pass_over_mark();
  if (separator_ != Separator::kNone) {
    const char* const from = buffer_.data() + scanned_;
    const int byte = separator_ == Separator::kNul ? '\0' : '\n';
    if (const void* found = std::memchr(from, byte, end_ - scanned_)) {
      const auto bytes = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) - begin_;
      return take(bytes, 1);
    }
  }
  scanned_ = end_;
  return unfinished();
}

// No separator stands in what has been read.
RecordSplitter::Item RecordSplitter::unfinished() {
  if (finished_ && std::exchange(at_start_, false) &&
      std::string_view(buffer_.data() + begin_, end_ - begin_) == kByteOrderMark) {
    begin_ = scanned_ = end_;
  }
  const std::size_t bytes = end_ - begin_;
  if (finished_) {
    finished_ = false;
    // With --whole an empty input is an (empty) record; behind the last
    // separator there is none.
    if (bytes == 0 && !overlong_ && separator_ != Separator::kNone) return {};
    return take(bytes, 0);
  }
  if (!overlong_ && bytes <= max_record_bytes_) return {};
  if (bytes == 0) return {};
  const Item item{overlong_ ? Kind::kRest : Kind::kTooLong, {buffer_.data() + begin_, bytes}, false};
  overlong_ = true;
  begin_ = end_;
  return item;
}

RecordSplitter::Item RecordSplitter::take(std::size_t bytes, std::size_t separator_bytes) {
  Item item{Kind::kRecord, {buffer_.data() + begin_, bytes}, true};
  begin_ += bytes + separator_bytes;
  scanned_ = begin_;
  if (overlong_) {
    overlong_ = false;
    item.kind = Kind::kRest;
  } else if (bytes > max_record_bytes_) {
    item.kind = Kind::kTooLong;
  }
  return item;
}

}  // namespace wskit::pub
