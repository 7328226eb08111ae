#include "wsserve/channel/history_page.h"

#include <fmt/format.h>

#include <charconv>

#include "common/protocol/control.h"

namespace wskit::server {

std::string HistoryPage::json() const {
  std::string out = R"({"events":[)";
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i > 0) out += ',';
    out += frames[i]->text();
  }
  out += fmt::format(R"(],"offset":{},"epoch":"{}","oldest":{},"recovered":{},"complete":{}}})", offset,
                     epoch, oldest, recovered, complete);
  return out;
}

void HistoryPage::cut(std::size_t limit, std::uint64_t replayed) {
  if (frames.size() > limit) frames.resize(limit);
  complete = frames.size() == replayed;
}

protocol::Result<std::size_t> parse_limit(std::string_view text) {
  if (text.empty()) return kDefaultHistoryLimit;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc() && end == text.data() + text.size() && limit >= 1 && limit <= kMaxHistoryLimit)
    return limit;
  return protocol::Error{protocol::ErrorCode::kBadCommand,
                         fmt::format("limit is not a whole number from 1 to {}", kMaxHistoryLimit),
                         {}};
}

}  // namespace wskit::server
