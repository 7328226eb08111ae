#!/usr/bin/env bash
# usage: tests/fuzz/run.sh SECONDS [BUILD_DIRECTORY]
#
# Runs every fuzz target that is built for SECONDS, starting from a copy of its
# seeds, and prints a line for each. Exit 1 if one found a fault: the input that
# shows it is kept, and the line names it.
set -euo pipefail

if [[ $# -lt 1 || ! $1 =~ ^[0-9]+$ || $1 -eq 0 ]]; then
  sed -n '2s/^# //p' "$0" >&2
  exit 2
fi
seconds=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${2:-$here/../../build/clang-asan}

shopt -s nullglob
targets=("$build"/fuzz/*_fuzz)
if [[ ${#targets[@]} -eq 0 ]]; then
  echo "no fuzz target in $build/fuzz: scripts/build.sh clang-asan wskit_fuzz builds them" >&2
  exit 2
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
for target in "${targets[@]}"; do
  name=$(basename "$target")
  corpus=$scratch/$name
  mkdir "$corpus"
  seeds=("$here/corpus/$name"/*)
  [[ ${#seeds[@]} -gt 0 ]] && cp "${seeds[@]}" "$corpus"
  options=()
  [[ -f $here/dictionaries/$name.dict ]] && options+=("-dict=$here/dictionaries/$name.dict")
  # So much is covered by one of these that weighing it takes far longer than running it.
  [[ $name == *_conversation_fuzz ]] && options+=(-entropic=0)
  log=$scratch/$name.log
  if "$target" "${options[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$build/fuzz/$name-" "$corpus" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$name: ok, $runs inputs from ${#seeds[@]} seeds in $seconds s"
  else
    failed=1
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    echo "$name: FAILED, see ${found:-the log}"
    tail -50 "$log" >&2
  fi
done
exit "$failed"
