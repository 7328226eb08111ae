// Why one line cannot be published. A plain value.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <string>

namespace wskit::pub {

struct LineError {
  std::size_t column = 0;  // in bytes, from 1; 0: the line as a whole
  std::string reason;      // names the thing and the remedy
};
[[noreturn]] void throw_exception_from_error(const LineError& error, const boost::source_location&);

template <class T>
using LineResult = boost::system::result<T, LineError>;

}  // namespace wskit::pub
