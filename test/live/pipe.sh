#!/usr/bin/env bash
# Usage: pipe.sh PROGRAM
# `record -o - | compare -`, and Ctrl-C for both: the recorder ends its trace, and the reader reads it to
# the end. Exits with 77 where recording is not possible.
set -uo pipefail
program=$(realpath "$1") case=pipe
# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
dir=$(mktemp -d)
cd "$dir" || exit
trap 'rm -rf "$dir"' EXIT
can_record

set -m # the pipe is a process group of its own, as on a terminal
(
  "$program" record -o - --pid "$$" 2>recorder | tee -i copy | "$program" compare - >table 2>reader
  echo "${PIPESTATUS[*]}" >statuses
) &
job=$!
# The header is written when the recording has begun.
until [ -s copy ] || ! kill -0 "$job" 2>/dev/null; do sleep 0.05; done
sleep 1
(true) # an event
kill -INT -- "-$job"
wait "$job"
[ "$(<statuses)" = '0 0 0' ] || fail "the statuses are $(<statuses): $(cat recorder reader)"
grep -q 'standard output: [1-9][0-9]* events' recorder || fail "the recorder says: $(<recorder)"
grep -q '^cow-context ' table || fail "there is no table: $(<table)"
grep -q 'no event lost' table || fail "the trace has lost events, or has no end: $(<table)"
