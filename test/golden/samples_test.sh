#!/usr/bin/env bash
# Usage: samples_test.sh PROGRAM
# Every bundled sample is small, whole, without losses and equal to the kernel it was recorded on. It can be
# replayed under every design, and traces/README.md gives its source.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failures=0 samples=0
complain() {
  echo "FAILED: $*"
  cat "$out"
  failures=$((failures + 1))
}

for trace in traces/samples/*.trace; do
  samples=$((samples + 1))
  [ "$(stat -c %s "$trace")" -le $((4 << 20)) ] || complain "$trace: is over 4 MiB"
  grep -qF "samples/$(basename "$trace")" traces/README.md || complain "$trace: traces/README.md has no line"
  "$program" check "$trace" >"$out" 2>&1 || complain "$trace: check ends with $?"
  "$program" verify "$trace" >"$out" 2>&1 || complain "$trace: verify ends with $?" # 1 and 3 included
  "$program" compare "$trace" --strategies all >"$out" 2>&1 || complain "$trace: compare ends with $?"
done
[ "$samples" -gt 0 ] || complain 'there is no sample'
[ "$failures" -eq 0 ]
