#include "wspub/line_error.h"

#include <stdexcept>

namespace wskit::pub {

void throw_exception_from_error(const LineError& error, const boost::source_location&) {
  throw std::logic_error(error.reason);
}

}  // namespace wskit::pub
