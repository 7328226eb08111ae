#!/usr/bin/env bash
# Installs the Debian 12 packages that wskit is built from.
#
#   scripts/deps.sh            what the build needs
#   scripts/deps.sh --tests    and what scripts/test.sh needs besides
#   scripts/deps.sh --print    only prints the apt-get command, if anything is missing
#
# Nothing is downloaded when everything is there. Where it may not install (neither root nor
# sudo), it prints the command that would and exits 2.
set -euo pipefail
trap 'exit 130' INT

build_packages=(
  g++ cmake ninja-build
  libboost1.81-dev libssl-dev zlib1g-dev
  libsimdjson-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libspdlog-dev libfmt-dev
  libsqlite3-dev
  libxxhash-dev
  libcbor-dev
  libjwt-dev
  prometheus-cpp-dev
)
# Debian 12's own python3 runs the end-to-end tests, so that its modules are the ones below.
test_packages=(
  git libgtest-dev libgmock-dev libbenchmark-dev
  clang libclang-rt-14-dev clang-format
  python3 python3-pytest python3-websockets python3-jwt python3-cryptography python3-cbor2 curl jq openssl sqlite3 groff-base
  slowhttptest
)
# Programs that often come from elsewhere than Debian: the package is asked for only where the
# program is missing.
test_programs=(node:nodejs npm:npm nginx:nginx-light haproxy:haproxy)
# Those of them that are services as well: the tests start their own, so none is left to run.
test_services=(nginx haproxy)

die() {
  printf 'deps.sh: %s\n' "$1" >&2
  exit 2
}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }

# missing_of PACKAGE…: those that are not installed go into the array `missing`.
missing_of() {
  local states package status=0
  states=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null) || status=$?
  # 1 says that a package is unknown.
  ((status <= 1)) || die "dpkg-query failed with $status: is another installation at work?"
  missing=()
  for package in "$@"; do
    grep -qxF "$package installed" <<<"$states" || missing+=("$package")
  done
}

with_tests=false print_only=false
for argument in "$@"; do
  case $argument in
    --tests) with_tests=true ;;
    --print) print_only=true ;;
    -h | --help) usage && exit 0 ;;
    *) die "unknown option '$argument'; there are --tests, --print and --help" ;;
  esac
done

wanted=("${build_packages[@]}")
if $with_tests; then
  wanted+=("${test_packages[@]}")
  for pair in "${test_programs[@]}"; do
    PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
  done
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "no apt-get here: install what Debian 12 calls ${wanted[*]}"
fi

missing_of "${wanted[@]}"
[[ ${#missing[@]} -gt 0 ]] || exit 0
update=(apt-get update)
install=(apt-get install -y --no-install-recommends "${missing[@]}")
command_line="${update[*]} && ${install[*]}"

if $print_only; then
  printf '%s\n' "$command_line"
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  # A sudo that asks for a password is of use only to someone who can type it.
  if command -v sudo >/dev/null && { [[ -t 0 && -t 2 ]] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    die "packages are missing and only root may install them: $command_line"
  fi
fi

printf 'deps.sh: installing %s\n' "${missing[*]}" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=false
tidy_up() {
  rm -f "$log"
  if $own_policy; then "${as_root[@]}" rm -f "$policy"; fi
}
trap tidy_up EXIT
# Debian starts the service of a package that it installs, unless this program says no.
forbid_services() {
  [[ ! -e $policy ]] || return 0
  own_policy=true
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}
# Nor shall they begin with the machine.
disable_services() {
  local service
  [[ -d /run/systemd/system ]] || return 0
  for service in "${new_services[@]}"; do
    "${as_root[@]}" systemctl disable --quiet "$service" || true
  done
}
new_services=()
for service in "${test_services[@]}"; do
  if [[ " ${missing[*]} " == *" $service "* || " ${missing[*]} " == *" $service-light "* ]]; then
    new_services+=("$service")
  fi
done
run_quietly() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "'$*' failed; its last lines stand above"
  }
}
run_quietly "${update[@]}"
if [[ ${#new_services[@]} -gt 0 ]]; then forbid_services; fi
run_quietly "${install[@]}"
if [[ ${#new_services[@]} -gt 0 ]]; then disable_services; fi
