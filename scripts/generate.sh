#!/usr/bin/env bash
# Writes the manual pages and shell completions anew, from the options that the tools define.
#
#   scripts/generate.sh [DIRECTORY_OF_THE_TOOLS [OUTPUT_DIRECTORY]]    (build/release/bin, the tree)
#
# The results are part of the tree, so that they can be read and installed without being built;
# the test project.generated fails when they are out of date.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${1:-build/release/bin} out=${2:-.}
mkdir -p "$out"/man "$out"/completions/{bash,zsh,fish}

generate() {
  local tool=$1 what=$2 file=$out/$3
  "$tools/$tool" --generate "$what" >"$file.new"
  mv "$file.new" "$file"
}
for tool in wsserve wspub wstap wsbench; do
  generate $tool man "man/$tool.1"
  generate $tool complete-bash "completions/bash/$tool"
  generate $tool complete-zsh "completions/zsh/_$tool"
  generate $tool complete-fish "completions/fish/$tool.fish"
done
