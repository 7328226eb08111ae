#include "wsserve/log/incidents.h"

#include <fmt/format.h>

#include <boost/core/demangle.hpp>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <utility>

namespace wskit::server {
namespace {

constexpr std::size_t kMaxWhatBytes = 120;

// One line, whatever it was.
std::string in_one_line(std::string_view text) {
  std::string line(text.substr(0, kMaxWhatBytes));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return line;
}

// Of a class of the standard library itself: another's may tell what it was given.
bool is_of_the_library(const std::type_info& type) {
  const auto is_one_of = [&](const auto&... types) { return ((type == types) || ...); };
  return is_one_of(typeid(std::length_error), typeid(std::out_of_range), typeid(std::system_error),
                   typeid(std::bad_function_call), typeid(std::bad_exception), typeid(std::logic_error));
}

}  // namespace

std::string describe_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& error) {
    const std::type_info& type = typeid(error);
    std::string text = boost::core::demangle(type.name());
    if (is_of_the_library(type)) text += fmt::format(" ({})", in_one_line(error.what()));
    return text;
  } catch (...) {
    return "something that is no std::exception";
  }
}

bool Incidents::caught(const char* where) noexcept {
  total_.fetch_add(1, std::memory_order_relaxed);
  bool no_memory = false;
  try {
    throw;
  } catch (const std::bad_alloc&) {
    no_memory = true;
  } catch (...) {
  }
  // Without memory there may be none for the line either: it is counted all the same.
  try {
    if (!tell_) return no_memory;
    const std::uint64_t times = take_turn(where);
    if (times == 0) return no_memory;
    const std::string more = times == 1 ? "" : fmt::format(" ({} times)", times);
    tell_(fmt::format("caught in {}: {}{}", where, describe_exception(), more));
  } catch (...) {
  }
  return no_memory;
}

std::uint64_t Incidents::take_turn(const char* where) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  for (Place& place : places_) {
    if (place.where == nullptr) place.where = where;
    if (std::string_view(place.where) != where) continue;
    ++place.untold;
    if (place.told != std::chrono::steady_clock::time_point{} && now - place.told < kQuiet) return 0;
    place.told = now;
    return std::exchange(place.untold, 0);
  }
  return 1;
}

}  // namespace wskit::server
