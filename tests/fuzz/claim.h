// What a fuzz target holds to be true of every input.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace wskit::fuzz {

// Ends the process, which libFuzzer takes for a finding, unless the claim holds.
inline void claim(bool holds, const char* text) {
  if (holds) return;
  std::fprintf(stderr, "claim broken: %s\n", text);
  std::abort();
}

}  // namespace wskit::fuzz
