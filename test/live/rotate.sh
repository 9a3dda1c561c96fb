#!/usr/bin/env bash
# Usage: rotate.sh PROGRAM WORKLOADS CASE
# Long recordings on the running kernel, with processes that fork, exec, map and thread meanwhile.
# CASE is rotate (the system), command (one command), max_size, flight or trigger. Each file must be equal
# to the kernel in every lane. Needs root; 77 if recording is not possible.
set -euo pipefail
program=$1 workloads=$2 case=$3
dir=$(mktemp -d)
load=0 recorder=0
stop_load() {
  # A process group of its own.
  if [ "$load" -ne 0 ]; then kill -- "-$load" 2>/dev/null || true; wait "$load" 2>/dev/null || true; fi
  load=0
}
stop_all() {
  stop_load
  if [ "$recorder" -ne 0 ]; then kill -KILL "$recorder" 2>/dev/null || true; fi
}
trap 'stop_all; rm -rf "$dir"' EXIT

fail() {
  echo "rotate.sh $case: $*" >&2
  exit 1
}
record() { # OPTION...
  start_record "$@"
  end_record
}
start_record() { # OPTION...
  "$program" record --truth --ring-mib 64 "$@" 2>"$dir/messages" &
  recorder=$!
}
until_recorded() { # COMMAND...: waits until it succeeds, or the recorder has ended
  until "$@" || ! kill -0 "$recorder" 2>/dev/null; do sleep 0.1; done
}
end_record() {
  local status=0
  wait "$recorder" || status=$?
  recorder=0
  cat "$dir/messages"
  case $status in
    0) ;;
    69 | 77) exit 77 ;;
    *) fail "record ended with $status" ;;
  esac
}
# Forks and execs with pauses, and threads and maps beside them if there is stress-ng. A change of parts
# waits for the reader, which takes seconds if events come as fast as they can be read.
begin_load() { # [STRESS-NG]; until stop_load
  # shellcheck disable=SC2016 # for the inner shell
  timeout 600 bash -c '
    while :; do
      (true); sh -c "true & wait"; sleep 0.02
      [ -z "$1" ] || "$1" --quiet --timeout 2 --fork 1 --fork-ops 20 --mmap 1 --mmap-ops 2 \
        --mmap-bytes 1m --pthread 1 --pthread-ops 4 --temp-path "$2" >/dev/null 2>&1
      sleep 0.02
    done' load "${1-}" "$dir" &
  load=$!
}
stress=$(command -v stress-ng || true)
number() { # KEY FILE
  "$program" info --json "$2" | sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" | head -n 1
}
count=0
events=0
check_files() { # FILE...
  local file status
  for file in "$@"; do
    "$program" check "$file" >"$dir/verdict" || {
      cat "$dir/verdict"
      fail "$file: check ended with $?"
    }
    status=0
    "$program" verify --full "$file" >"$dir/verdict" || status=$?
    if [ "$status" -ne 0 ]; then
      cat "$dir/verdict"
      if [ -n "${KEEP_FAILED:-}" ]; then cp "$file" "$KEEP_FAILED"; fi
      fail "$file: verify ended with $status"
    fi
    count=$((count + 1))
    events=$((events + $(number events "$file")))
  done
  echo "$count files, $events events: each equal to the kernel in every lane"
}

case $case in
  rotate)
    begin_load "$stress"
    start_record -o "$dir/x.trace" --rotate-time 0.5
    until_recorded test -e "$dir/x.0008.trace"
    kill -INT "$recorder" 2>/dev/null || true
    end_record
    stop_load
    files=("$dir"/x.*.trace)
    [ "${#files[@]}" -ge 4 ] || fail "only ${#files[@]} files"
    check_files "${files[@]}"
    ;;
  command)
    record -o "$dir/x.trace" --rotate-time 0.2 -- "$workloads/compile"
    check_files "$dir"/x.*.trace
    [ "$count" -ge 2 ] || fail "only $count files"
    grep -q ": $events events" "$dir/messages" || fail "$events events are in the files"
    ;;
  max_size)
    # Only this load, and no other of the machine: it makes few events a second, as a part has to end
    # before the next one is full.
    begin_load
    record -o "$dir/x.trace" --pid "$load" --rotate-size 64K --max-size 512K --keep 2
    stop_load
    grep -q 'max-size' "$dir/messages" || fail "it does not say why it ended"
    [ "$(find "$dir" -name 'x.*.trace' | wc -l)" -eq 2 ] || fail "not 2 files"
    [ ! -e "$dir/x.0001.trace" ] || fail "the first file is still there"
    check_files "$dir"/x.*.trace
    ;;
  flight)
    begin_load "$stress"
    start_record -o "$dir/x.trace" --flight 0.5
    until_recorded grep -q 'flight recorder' "$dir/messages"
    sleep 2 # meanwhile old parts are dropped
    kill -USR1 "$recorder" 2>/dev/null || true
    until_recorded grep -q '\.trace: ' "$dir/messages" # a part is written
    kill -INT "$recorder" 2>/dev/null || true
    end_record
    stop_load
    check_files "$dir"/x.*.trace
    for file in "$dir"/x.*.trace; do
      "$program" info --full "$file" | grep -q '^written because *SIGUSR1$' || fail "$file: no reason"
      [ "$(stat -c %a "$file")" = 600 ] || fail "$file is not private"
    done
    ;;
  trigger)
    # Forks with faulted memory raise anon_vma: 400 children, which stay until their parent has ended.
    start_record -o "$dir/x.trace" --flight 1 --trigger-slab anon_vma=+20% --trigger-once
    until_recorded grep -q 'flight recorder' "$dir/messages"
    # shellcheck disable=SC2016 # for the inner shell
    timeout 600 bash -c 'x=$(seq 2000); for i in $(seq 400); do sleep 600 & done; wait' &
    load=$!
    end_record
    stop_load
    check_files "$dir"/x.*.trace
    for file in "$dir"/x.*.trace; do
      "$program" info --full "$file" | grep -q '^written because *anon_vma=+20%: ' || fail "$file: no reason"
    done
    ;;
  *) fail "no such case" ;;
esac
