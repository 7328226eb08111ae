#!/usr/bin/env bash
# From nothing to real market data flowing, on a bare Debian 12: installs the packages, builds the
# tools, starts wsserve on a free port, taps market/*, and replays a captured Coinbase feed through
# wspub. Takes seconds where the packages and the build are there.
#
#   scripts/quickstart.sh
#
# Ctrl-C at any moment leaves nothing running and nothing behind but the build. Exits 1 if an event
# was lost.
set -euo pipefail
cd "$(dirname "$0")/.."

feed=examples/data/coinbase-2021-04-17.jsonl.gz
candles=examples/data/eurusd-1h-2017-2018.csv.gz
bin=build/release/bin
patience=60 # seconds until something that does not come is given up

if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' reset=$'\e[0m' redraw=$'\r\e[K'
else
  bold='' dim='' green='' red='' reset='' redraw=''
fi

say_done() { printf '%s%s✓%s %-9s %s\n' "$redraw" "$green" "$reset" "$1" "$2"; }
# Shown while something takes its time, where it can be taken back.
say_busy() { [[ -z $redraw ]] || printf '%s%s· %-9s %s%s' "$redraw" "$dim" "$1" "$2" "$reset"; }
# fail WHAT [LOG]: the end of the log says why.
fail() {
  printf '%s%s✗ %s%s\n' "$redraw" "$red" "$1" "$reset" >&2
  [[ $# -lt 2 || ! -s $2 ]] || tail -n 15 "$2" >&2
  exit 1
}
thousands() { LC_ALL=C sed -E ':again; s/^([0-9]+)([0-9]{3})/\1,\2/; t again' <<<"$1"; }

# What is started in the background, ended in the order in which it stands here.
running=()
# Named before it is made, so that there is no moment in which it is there and would not be removed.
scratch=${TMPDIR:-/tmp}/wskit-quickstart.$$

clean_up() {
  # Bash 5.2 with `set -e` leaves an exit trap at its first command, if the signal that led here came
  # while a pipeline was being started.
  set +e
  trap '' INT TERM HUP
  [[ -z $redraw ]] || printf '%s' "$redraw"
  local pid
  for pid in "${running[@]}"; do
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in {1..100}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  if [[ -O $scratch ]]; then rm -rf "$scratch"; fi
}
trap clean_up EXIT

trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
mkdir -m 700 "$scratch"

# wait_for WHAT LOG COMMAND…: until the command succeeds.
wait_for() {
  local what=$1 log=$2 deadline=$((SECONDS + patience))
  shift 2
  until "$@"; do
    ((SECONDS < deadline)) || fail "$what: not within $patience s" "$log"
    sleep 0.02
  done
}

install_packages() {
  say_busy packages "looking"
  scripts/deps.sh
  say_done packages "all there"
}

# Turns what ninja prints into one line that changes.
show_progress() {
  local line
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] && say_busy build "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps"
  done
  return 0
}

build_tools() {
  # A build folder that is there already stays as it is: the tests may be in it.
  local definitions=() started=$SECONDS
  [[ -e build/release/build.ninja ]] || definitions=(-DWSKIT_TESTS=OFF -DWSKIT_BENCH=OFF)
  say_busy build "configuring"
  scripts/build.sh release "${definitions[@]}" wskit_tools backtest_engine 2>&1 | tee "$scratch/build.log" |
    show_progress || fail "the build failed" "$scratch/build.log"
  say_done build "release, $((SECONDS - started)) s"
}

# wsserve prints its URL once it accepts connections. Not through a fifo: to open one waits for ever
# for a server that an interrupt has ended.
read_url() {
  read -r url <"$scratch/url" || {
    kill -0 "${running[0]}" 2>/dev/null || fail "wsserve did not start" "$scratch/wsserve.log"
    return 1
  }
}

start_server() {
  : >"$scratch/url"
  "$bin/wsserve" --listen 127.0.0.1:0 >>"$scratch/url" 2>"$scratch/wsserve.log" &
  running=("$!")
  wait_for "wsserve's address" "$scratch/wsserve.log" read_url
  say_done wsserve "$url"
}

# Two of them: one collects the data of every event, the other shows a few as a person wants them.
start_taps() {
  "$bin/wstap" -v --url "$url" 'market/*' --output data >"$scratch/received" 2>"$scratch/wstap.log" &
  running=("$!" "${running[@]}")
  "$bin/wstap" -v --url "$url" 'market/*' -e match -n 8 --output pretty 2>"$scratch/shown.log" &
  running=("$!" "${running[@]}")
  wait_for "wstap's subscription" "$scratch/wstap.log" grep -q "connected to" "$scratch/wstap.log"
  wait_for "wstap's subscription" "$scratch/shown.log" grep -q "connected to" "$scratch/shown.log"
  say_done wstap "market/*"
}

# Three lines of the feed name no market, so they have no channel to go to.
replay() {
  say_done wspub "replaying $feed; the first trades:"
  printf '\n'
  zcat "$feed" | "$bin/wspub" --url "$url" 'market/{message.product_id}' --type-from .message.type \
    --data-from .message --on-invalid skip 2>"$scratch/wspub.log" || fail "wspub failed" "$scratch/wspub.log"
  wait "${running[0]}" || fail "wstap failed" "$scratch/shown.log"
}

# from_summary NAME: the number behind NAME in wspub's closing line.
from_summary() { sed -nE "s/.*\b$1 ([0-9]+).*/\1/p" "$scratch/wspub.log" | tail -n 1; }

# Whether there is a line of that number.
all_received() { ! sed -n "${acknowledged}q1" "$scratch/received"; }

summarise() {
  local read acknowledged skipped received lost deadline=$((SECONDS + patience))
  # One in each command: bash 5.2 fails to parse a second $(…) if a signal came during the first.
  read=$(from_summary read)
  acknowledged=$(from_summary acknowledged)
  skipped=$(from_summary skipped)
  [[ -n $read && -n $acknowledged && -n $skipped ]] || fail "wspub gave no summary" "$scratch/wspub.log"
  until all_received || ((SECONDS >= deadline)); do sleep 0.02; done
  received=$(wc -l <"$scratch/received")
  lost=$((acknowledged - received))
  printf '\n  %-14s %9s lines\n' read "$(thousands "$read")"
  printf '  %-14s %9s events (%s lines name no market)\n' acknowledged "$(thousands "$acknowledged")" "$skipped"
  printf '  %-14s %9s events\n' received "$(thousands "$received")"
  printf '  %-14s %9s\n' lost "$(thousands "$lost")"
  ((lost == 0 && read == acknowledged + skipped)) || fail "events were lost" "$scratch/wstap.log"
}

say_what_next() {
  cat <<END

${bold}Try next${reset}
  ${dim}# a server to keep, and in a second terminal an eye on everything${reset}
  $bin/wsserve
  $bin/wstap '**'
  ${dim}# in a third: a backtest that streams its trades${reset}
  zcat $candles | $bin/backtest_engine --run demo --pace 200 | $bin/wspub 'backtest/{run}'
  ${dim}# the same in a browser, at http://localhost:8080${reset}
  python3 -m http.server --directory examples/browser 8080
  ${dim}# how fast is it here? are all tests fine?${reset}
  $bin/wsbench --spawn $bin/wsserve --limit --rate max
  scripts/test.sh
END
}

printf '%swskit%s: real market data from wspub through wsserve to wstap\n\n' "$bold" "$reset"
install_packages
build_tools
start_server
start_taps
replay
summarise
say_what_next
