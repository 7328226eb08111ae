#!/usr/bin/env bash
# Checks the sources with clang-tidy as .clang-tidy says; a finding is an error.
#
#   scripts/tidy.sh            every source file that is tracked
#   scripts/tidy.sh FILE…      these
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-tidy >/dev/null || {
  echo "tidy.sh: clang-tidy is missing: apt-get install clang-tidy" >&2
  exit 2
}
# clang-tidy reads how each file is compiled from a build folder of clang's.
cmake --preset clang-debug >/dev/null
if [[ $# -eq 0 ]]; then mapfile -t files < <(git ls-files '*.cc'); else files=("$@"); fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/clang-debug --quiet
