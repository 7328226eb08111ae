// A file of records whose last one a crash cut short.
//
// Threads: any.
#pragma once

namespace wskit::tap {

// Ends the last line of the file behind `fd`, if that file is being appended to and
// the line has no end, so that the next record does not become a part of it.
void end_torn_line(int fd);

}  // namespace wskit::tap
