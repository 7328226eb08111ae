#!/usr/bin/env bash
# Builds one preset of CMakePresets.json in build/PRESET.
#
#   scripts/build.sh [--quiet] PRESET [-DNAME=VALUE…] [TARGET…]
#
# Configures first where that is new, out of date, or asked for by a definition.
# Runs as many compilers as there are processors, and fewer where memory is short; WSKIT_JOBS
# overrides that. --quiet says nothing of what succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."

quiet=false
if [[ ${1-} == --quiet ]]; then
  quiet=true
  shift
fi
if [[ $# -eq 0 || $1 == -* ]]; then
  echo "usage: scripts/build.sh [--quiet] PRESET [-DNAME=VALUE…] [TARGET…]" >&2
  exit 2
fi
preset=$1
shift
definitions=() build=(cmake --build --preset "$preset")
for argument in "$@"; do
  case $argument in
    -D*) definitions+=("$argument") ;;
    *) build+=(--target "$argument") ;;
  esac
done

# The heaviest source files take a compiler a little over 1 GiB.
affordable_jobs() {
  local processors gigabytes
  processors=$(nproc)
  gigabytes=$(awk '/^MemAvailable:/ { print int($2 / 1.25e6) }' /proc/meminfo)
  if ((gigabytes < 1)); then gigabytes=1; fi
  echo $((processors < gigabytes ? processors : gigabytes))
}
build+=(--parallel "${WSKIT_JOBS:-$(affordable_jobs)}")
if $quiet; then build+=(-- --quiet); fi

if [[ ${#definitions[@]} -gt 0 || CMakePresets.json -nt build/$preset/build.ninja ]]; then
  configured=$(cmake --preset "$preset" "${definitions[@]}" 2>&1) || {
    printf '%s\n' "$configured" >&2
    echo "build.sh: the preset '$preset' cannot be configured; scripts/deps.sh --tests installs what it needs" >&2
    exit 1
  }
fi
"${build[@]}"
