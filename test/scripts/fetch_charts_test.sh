#!/usr/bin/env bash
# Usage: fetch_charts_test.sh FETCH_CHARTS
# Runs scripts/fetch-charts in a tree of its own, with an npm that does what it is told.
set -euo pipefail
script=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin" "$dir/tree/scripts" "$dir/tree/engine/report/html"
for tool in bash env cat cp grep mkdir; do ln -s "$(command -v "$tool")" "$dir/bin/$tool"; done
cp "$script" "$dir/tree/scripts/fetch-charts"
echo package >"$dir/tree/engine/report/html/package.json"
echo lock 1 >"$dir/tree/engine/report/html/package-lock.json"

fail() {
  echo "$case: $*"
  cat "$dir/out" "$dir/err"
  exit 1
}
run() { # NAME
  case=$1
  rm -f "$dir/calls"
  PATH=$dir/bin "$dir/tree/scripts/fetch-charts" >"$dir/out" 2>"$dir/err" || fail "status $?"
}
npm() { # COMMANDS: what the program does
  printf '#!/bin/sh\necho "$*" >>"%s/calls"\n%s\n' "$dir" "$1" >"$dir/bin/npm"
  chmod +x "$dir/bin/npm"
}
called() { [ -e "$dir/calls" ]; }
quiet() { [ ! -s "$dir/err" ] || fail "warns"; }

run "no npm"
grep -q 'warning: .*plain pictures: npm is not installed' "$dir/err" || fail "does not say why"

npm 'echo; echo "npm error code EINTEGRITY"; exit 1'
run "a wrong checksum"
grep -q 'plain pictures: npm error code EINTEGRITY$' "$dir/err" || fail "does not say why"

npm 'exit 0'
run "after a failure it is fetched"
quiet
grep -q '^ci --prefix build/npm .*--ignore-scripts' "$dir/calls" || fail "calls npm otherwise"
cmp "$dir/tree/engine/report/html/package-lock.json" "$dir/tree/build/npm/package-lock.json"

run "it is there"
quiet
! called || fail "calls npm"

echo lock 2 >"$dir/tree/engine/report/html/package-lock.json"
run "another version is wanted"
called || fail "calls no npm"
