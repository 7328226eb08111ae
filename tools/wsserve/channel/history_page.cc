#include "wsserve/channel/history_page.h"

namespace wskit::server {

protocol::HistoryEvents HistoryPage::reply() const {
  protocol::HistoryEvents history{.events = {},
                                  .offset = offset,
                                  .epoch = epoch,
                                  .oldest = oldest,
                                  .recovered = recovered,
                                  .complete = complete};
  history.events.reserve(frames.size());
  for (const ChunkPtr& frame : frames) history.events.push_back(frame->text());
  return history;
}

void HistoryPage::cut(std::size_t limit, std::uint64_t replayed) {
  if (frames.size() > limit) frames.resize(limit);
  complete = frames.size() == replayed;
}

}  // namespace wskit::server
