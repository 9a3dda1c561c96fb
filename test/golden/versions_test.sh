#!/usr/bin/env bash
# Usage: versions_test.sh PROGRAM
# test/golden/versions holds a small trace of every state that the format has had in a release, with the
# output of its dump. Files are added there and never changed: every later program reads them, to the same
# text byte by byte.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/versions"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failures=0
complain() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

for trace in *.trace; do
  "$program" dump "$trace" >"$out" || complain "$trace: dump ends with $?"
  diff -u "${trace%.trace}.txt" "$out" || complain "$trace: another text"
  [ "$(stat -c %s "$trace")" -lt 20480 ] || complain "$trace: is over 20 KB"
  for command in "info --full" info "replay --strategy num-children"; do
    # shellcheck disable=SC2086 # an option is a word of its own
    "$program" $command "$trace" >"$out" || [ $? = 3 ] || complain "$trace: $command"
  done
  status=0
  "$program" check "$trace" >"$out" || status=$?
  case $trace in
    *-repaired.trace) [ "$status" = 3 ] || complain "$trace: check ends with $status" ;;
    *) [ "$status" = 0 ] || complain "$trace: check ends with $status" ;;
  esac
  grep -q 'no findings' "$out" || complain "$trace: $(cat "$out")"
done
sha256sum --quiet --check SHA256SUMS || complain "a file has changed"
[ "$(wc -l <SHA256SUMS)" = "$(find . -type f ! -name SHA256SUMS | wc -l)" ] || complain "SHA256SUMS misses a file"
[ "$failures" -eq 0 ]
