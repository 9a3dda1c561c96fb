#!/usr/bin/env bash
# Usage: bench_record_test.sh BENCH-RECORD RECORD_LOAD
# Runs scripts/bench-record with peers that only seem to record: a peer has a ratio only if its load ran.
set -euo pipefail
bench=$1
export RECORD_LOAD=$2 ANONVMA=/bin/false
if [ "$(id -u)" -ne 0 ]; then
  echo "skipped: scripts/bench-record needs root"
  exit 77
fi
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3 here"
  exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PATH=$dir:$PATH
peer() { # NAME, its text on stdin
  cat >"$dir/$1"
  chmod +x "$dir/$1"
}
fail() {
  echo "$*"
  cat "$dir/out"
  exit 1
}
run() { "$bench" --rounds 1 --scale 0.01 --loads "$1" --modes "$2" --json "$dir/json" >"$dir/out" 2>&1; }
says() { grep -q -- "$1" "$dir/out" || fail "does not say: $1"; }
ratio='[0-9]\.[0-9]* (.* to .*)'

# The first peer never starts its command, the second runs it only when its own start and end are measured,
# and the third fails; only the last one runs the load.
peer strace <<<'#!/bin/sh'
peer bpftrace <<'END'
#!/bin/sh
for command; do :; done
case $command in *' 1500 '*) ;; *) exec $command ;; esac
END
peer perf <<'END'
#!/bin/sh
if [ "$1" = trace ]; then
  echo 'perf: no such event' >&2
  exit 1
fi
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
END
run 'mmap loop' 'strace -f,bpftrace + faults,perf trace,perf record' || fail "bench-record failed"
says '^mmap loop  *strace -f  *failed: the load was not started, or did not end$'
says '^mmap loop  *bpftrace + faults  *failed: the load was not started, or did not end$'
says '^mmap loop  *perf trace  *failed: status 1: perf: no such event$'
says "^mmap loop  *perf record  *$ratio"
[ "$(grep -c "$ratio" "$dir/out")" -eq 1 ] || fail "a peer that failed has a ratio"
grep -q '"recorder": "strace -f", "failed"' <(tr -s '\n ' ' ' <"$dir/json") || fail "no failure in the JSON"

# One peer runs another command instead, the other does less of the load.
peer strace <<'END'
#!/bin/sh
while [ "$1" != -- ]; do shift; done
exec "$2" "$3" "$4" true
END
peer perf <<'END'
#!/usr/bin/env bash
while [ "$1" != -- ]; do shift; done
if [ "$7" = 4000 ]; then set -- "${@:1:6}" 7 "$8"; fi
shift
exec "$@"
END
run 'page faults' 'strace -f,perf record' || fail "bench-record failed"
says '^page faults  *strace -f  *failed: the load did nothing instead of 1$'
says '^page faults  *perf record  *failed: the load did 7 instead of 4000$'
if grep -q "$ratio" "$dir/out"; then fail "a peer that failed has a ratio"; fi

# anonvma itself must run.
if run 'mmap loop' anonvma; then fail "status 0 although anonvma failed"; fi
says '^mmap loop  *anonvma  *failed: status 1'
