#include "wsserve/history_page.h"

#include <fmt/format.h>

#include <charconv>

#include "common/protocol/control.h"
#include "wsserve/channel.h"

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

HistoryPage read_history(const Channel& channel, const protocol::Since& since, std::size_t limit,
                         std::size_t max_bytes) {
  HistoryPage page;
  const ReplayStart start = channel.begin_replay(since, max_bytes, page.frames);
  page.offset = start.newest.offset;
  page.epoch = start.newest.epoch;
  page.oldest = start.oldest;
  page.recovered = start.recovered;
  if (page.frames.size() > limit) page.frames.resize(limit);
  page.complete = page.frames.size() == start.replayed;
  return page;
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
