#include "wspub/input_copy.h"

#include <algorithm>
#include <utility>

#include "common/protocol/one_line.h"

namespace wskit::pub {

void InputCopy::take(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  const char end = separator_ == Separator::kNul ? '\0' : '\n';
  const bool is_whole = separator_ == Separator::kNone;
  if (std::exchange(input_over_, false) && unfinished_ && !is_whole) out += end;
  unfinished_ = bytes.back() != end;
  if (input_ == InputKind::kText || separator_ == Separator::kNul) {
    out += bytes;
  } else if (is_whole) {
    take_whole(bytes, out);
  } else {
    take_lines(bytes, out);
  }
}

void InputCopy::take_lines(std::string_view bytes, std::string& out) {
  if (std::exchange(held_cr_, false)) out += bytes.front() == '\n' ? '\r' : ' ';
  if (bytes.back() == '\r') {
    held_cr_ = true;
    bytes.remove_suffix(1);
  }
  std::size_t at = out.size();
  out += bytes;
  while ((at = out.find('\r', at)) != std::string::npos) {
    if (out[at + 1] != '\n') out[at] = ' ';
    ++at;
  }
}

void InputCopy::take_whole(std::string_view bytes, std::string& out) {
  const std::size_t end = bytes.find_last_not_of("\r\n") + 1;  // none: npos + 1 is 0
  if (end != 0) {
    out.append(std::exchange(held_breaks_, 0), ' ');
    protocol::append_one_line(out, bytes.substr(0, end));
  }
  held_breaks_ += bytes.size() - end;
}

void InputCopy::end_input(std::string& out) {
  if (std::exchange(input_over_, true)) return;
  if (std::exchange(held_cr_, false)) out += '\r';
  if (separator_ == Separator::kNone && input_ == InputKind::kJson) out += '\n';
  held_breaks_ = 0;
}

}  // namespace wskit::pub
