#!/usr/bin/env bash
# Installs what the tests need, builds, and runs them: all, or the parts that are named.
#
#   scripts/test.sh [format] [release] [asan] [tsan] [fuzz]
#
#   format   every source file is as .clang-format wants it
#   release  every test on the release build: unit, end to end, independent clients, scripts
#   asan     unit and end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan     the concurrent ones of both under ThreadSanitizer
#   fuzz     each libFuzzer target for FUZZ_SECONDS (10)
#
# A part that fails does not stop the next one. Ends with what failed, a line for each part, and
# exits 1 if any failed. TEST_JOBS (twice the number of processors, for tests wait much) run at a
# time.
set -uo pipefail
trap 'exit 130' INT
cd "$(dirname "$0")/.." || exit

all_parts=(format release asan tsan fuzz)
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }
for argument in "$@"; do
  case " ${all_parts[*]} --help -h " in
    *" $argument "*) [[ $argument != -* ]] || { usage && exit 0; } ;;
    *) echo "test.sh: there is no part '$argument', only ${all_parts[*]}" >&2 && exit 2 ;;
  esac
done
[[ $# -gt 0 ]] || set -- "${all_parts[@]}"

# run_ctest PRESET [LABEL_REGEX]: a run that finds no test is a failure.
run_ctest() {
  ctest --preset "$1" --parallel "${TEST_JOBS:-$((2 * $(nproc)))}" --timeout 300 --no-tests=error \
    ${2:+--label-regex "$2"}
}

run_format() { git ls-files -z '*.cc' '*.h' | xargs -0 clang-format --dry-run -Werror; }
run_release() { scripts/build.sh --quiet release -DWSKIT_TESTS=ON -DWSKIT_BENCH=ON && run_ctest release; }
run_asan() { scripts/build.sh --quiet clang-asan && run_ctest clang-asan '^(unit|e2e)$'; }
run_tsan() { scripts/build.sh --quiet tsan wskit_concurrent && run_ctest tsan '^concurrent$'; }
run_fuzz() { scripts/build.sh --quiet clang-asan wskit_fuzz && tests/fuzz/run.sh "${FUZZ_SECONDS:-10}"; }

scripts/deps.sh --tests || exit

log=$(mktemp)
failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT

# What failed in a ctest run: the output of each failed test, else the end of the log.
collect_failures() {
  printf '\n== what failed in %s\n' "$1"
  grep -aq '\*\*\*' "$log" || { tail -n 40 "$log" && return; }
  # From the line with the asterisks to the next test's line.
  awk '/^ *[0-9]+\/[0-9]+ Test +#|^ +Start +[0-9]+:/ { show = /\*\*\*/ } /^The following tests FAILED/ { show = 1 } show' \
    "$log" | tail -n 200
}

summary=() failed=0
for part in "$@"; do
  printf '\n== %s\n' "$part"
  started=$SECONDS
  if "run_$part" 2>&1 | tee "$log"; then outcome=ok; else outcome=FAILED failed=1; fi
  [[ $outcome == ok ]] || collect_failures "$part" >>"$failures"
  closing=$(grep -a 'tests passed' "$log" | tail -n 1)
  summary+=("$(printf '%-8s %-6s %4d s  %s' "$part" "$outcome" $((SECONDS - started)) "$closing")")
done
cat "$failures"
printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
