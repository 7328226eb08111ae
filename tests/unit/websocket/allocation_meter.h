// Counts what the test binary takes from operator new.
#pragma once

#include <cstddef>

namespace wskit::websocket {

// From its construction on. One at a time, one thread.
class AllocationMeter {
 public:
  AllocationMeter();

  // The most bytes held at one moment on top of those held at the start.
  [[nodiscard]] std::size_t peak_bytes() const;
  // Held now on top of those held at the start.
  [[nodiscard]] std::ptrdiff_t held_bytes() const;

 private:
  std::ptrdiff_t start_bytes_;
};

}  // namespace wskit::websocket
