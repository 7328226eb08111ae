// Finds the file again that a journal's mark stands in. The name that is followed may
// stand for another one by now: the file was renamed (a rotation) or cut short, and
// another one was begun.
//
// Threads: one. Reads files, and waits for them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "wspub/journal_file.h"
#include "wspub/line_source.h"

namespace wskit::pub {

struct FollowedFiles {
  // What is to be read before the file that is followed: what is left of the one that
  // the mark stands in, and the files that came between, the oldest first.
  std::vector<std::string> before;
  // The followed file is another one than the mark's.
  bool is_other = false;
};

// `source` follows one file, and says how it is cut into records. A file is the mark's
// if its first records are those of the mark; where several are, the one with its
// inode. It is looked for under the name that is followed, under FILE.1, FILE.2 and so
// on, and by its inode under any name in the same folder.
[[nodiscard]] FollowedFiles find_followed(boost::asio::io_context& io, const SourceOptions& source,
                                          const JournalEntry& entry);

}  // namespace wskit::pub
