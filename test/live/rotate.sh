#!/usr/bin/env bash
# Usage: rotate.sh PROGRAM WORKLOADS CASE
# Long recordings on the running kernel, with processes that fork, exec, map and thread meanwhile.
# CASE is rotate (the system), command (one command), max_size, flight or trigger. Each file has to
# be equal to the kernel in every lane. Needs root; 77 where nothing can be recorded.
set -euo pipefail
program=$1 workloads=$2 case=$3
dir=$(mktemp -d)
load=0
stop_load() {
  if [ "$load" -ne 0 ]; then kill "$load" 2>/dev/null || true; wait "$load" 2>/dev/null || true; fi
  load=0
}
trap 'stop_load; rm -rf "$dir"' EXIT

fail() {
  echo "rotate.sh $case: $*" >&2
  exit 1
}
record() { # OPTION...
  local status=0
  "$program" record --truth --ring-mib 64 "$@" 2>"$dir/messages" || status=$?
  cat "$dir/messages"
  case $status in
    0) ;;
    69 | 77) exit 77 ;;
    *) fail "record ended with $status" ;;
  esac
}
# Forks and execs with pauses, beside them threads and maps if there is stress-ng: a change of parts
# waits for the reader, which takes seconds where events come as fast as they can be read.
begin_load() { # SECONDS [STRESS-NG]
  # shellcheck disable=SC2016 # for the inner shell
  timeout "$1" bash -c '
    while :; do
      (true); sh -c "true & wait"; sleep 0.02
      [ -z "$1" ] || "$1" --quiet --timeout 2 --fork 1 --fork-ops 20 --mmap 1 --mmap-ops 2 \
        --mmap-bytes 1m --pthread 1 --pthread-ops 4 --temp-path "$2" >/dev/null 2>&1
      sleep 0.02
    done' load "${2-}" "$dir" &
  load=$!
  sleep 0.5
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
    "$program" verify "$file" >"$dir/verdict" || status=$?
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
    begin_load 40 "$stress"
    record -o "$dir/x.trace" --rotate-time 0.5 --duration 15
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
    begin_load 60 # few events a second: a part has to end before the next is over, too
    record -o "$dir/x.trace" --rotate-size 128K --max-size 1M --keep 2 --duration 60
    stop_load
    grep -q 'max-size' "$dir/messages" || fail "it does not say why it ended"
    [ "$(find "$dir" -name 'x.*.trace' | wc -l)" -eq 2 ] || fail "not 2 files"
    [ ! -e "$dir/x.0001.trace" ] || fail "the first file is still there"
    check_files "$dir"/x.*.trace
    ;;
  flight)
    begin_load 20 "$stress"
    "$program" record --truth --ring-mib 64 -o "$dir/x.trace" --flight 0.5 2>"$dir/messages" &
    recorder=$!
    for _ in $(seq 100); do # until it records
      if grep -q 'flight recorder' "$dir/messages" || ! kill -0 "$recorder" 2>/dev/null; then break; fi
      sleep 0.1
    done
    sleep 2
    if ! kill -USR1 "$recorder" 2>/dev/null; then
      wait "$recorder" || status=$?
      cat "$dir/messages"
      case ${status:-0} in 69 | 77) exit 77 ;; *) fail "it ended with ${status:-0}" ;; esac
    fi
    sleep 1.5
    kill -INT "$recorder"
    wait "$recorder" || fail "it ended with $?"
    stop_load
    cat "$dir/messages"
    check_files "$dir"/x.*.trace
    for file in "$dir"/x.*.trace; do
      "$program" info "$file" | grep -q '^written because *SIGUSR1$' || fail "$file: no reason"
      [ "$(stat -c %a "$file")" = 600 ] || fail "$file is not private"
    done
    ;;
  trigger)
    # Whoever forks with faulted memory raises anon_vma: 400 children at once.
    (
      sleep 2
      # shellcheck disable=SC2016 # for the inner shell
      timeout 5 bash -c 'x=$(seq 2000); for i in $(seq 400); do sleep 3 & done; wait' || true
    ) &
    load=$!
    record -o "$dir/x.trace" --flight 1 --trigger-slab anon_vma=+20% --trigger-once --duration 20
    stop_load
    check_files "$dir"/x.*.trace
    for file in "$dir"/x.*.trace; do
      "$program" info "$file" | grep -q '^written because *anon_vma=+20%: ' || fail "$file: no reason"
    done
    ;;
  *) fail "no such case" ;;
esac
