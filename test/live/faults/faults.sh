#!/usr/bin/env bash
# Usage: faults.sh PROGRAM TARGET [CASE...]
# Records TARGET with PROGRAM while something goes wrong: all cases or the named ones, one line each with
# the recorder's result and the state of its files. Status 1 if a case has another result than it must
# have, 77 if none could be tried. FAULT_SECONDS (10) is the time that a stopped recorder waits; SEED
# chooses the moments of `kill`.
# shellcheck disable=SC2317  # cases and their conditions are called by name
set -uo pipefail
program=$(realpath "$1") target=$(realpath "$2")
shift 2
seconds=${FAULT_SECONDS:-10}
RANDOM=${SEED:=$$}
dir=$(mktemp -d)
mine=() # processes that a case started and that may be left
cleanup() {
  for pid in "${mine[@]}"; do kill -KILL "$pid" 2>/dev/null; done
  rm -rf "$dir"
}
trap cleanup EXIT
trace=$dir/trace errors=$dir/errors
failed=0 tried=0

# The findings of a case: `must WORDS CONDITION...` notes a condition that does not hold.
problems=()
must() { # WORDS COMMAND...
  local words=$1
  shift
  "$@" || problems+=("$words")
}
status_is() { [ "$status" -eq "$1" ]; }
one_line() { [ "$(wc -l <"$errors")" -eq 1 ]; }
says() { grep -q -- "$1" "$errors"; }

record() { # OPTION... -- COMMAND...
  status=0
  "$program" record --quiet --force -o "$trace" "$@" 2>"$errors" || status=$?
}
start_record() { # OPTION... -- COMMAND...; returns when it records: then the header is in the file
  : >"$errors"
  rm -f "$trace"
  "$program" record --quiet --force -o "$trace" "$@" 2>"$errors" &
  recorder=$!
  mine+=("$recorder")
  until [ -s "$trace" ] || ! kill -0 "$recorder" 2>/dev/null; do sleep 0.02; done
}
end_record() { status=0; wait "$recorder" 2>/dev/null || status=$?; }
# A number of the trace's description; nothing if there is none.
number() { # KEY
  { "$program" replay --json -s num-children "$trace" 2>/dev/null || true; } |
    sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" | head -n 1
}
lost() { number lost; }
header() { # KEY: of `anonvma info`
  "$program" info --json "$trace" | sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},*\$/\1/p" | head -n 1
}
verify() { # sets `verified`, prints differences into the errors when there are some
  verified=0
  "$program" verify --full "$trace" >"$dir/verdict" 2>"$dir/verdict.errors" || verified=$?
}
verified_is() {
  verify
  [ "$verified" -eq "$1" ] || { grep -m 3 'DIFFERS\|difference' "$dir/verdict" >&2; false; }
}
# Reads the trace to its end, or to the cut: prints "whole", "cut" or "no".
readable() {
  local come=0
  "$program" info "$trace" >/dev/null 2>"$dir/info" || come=$?
  case $come in
    0) echo whole ;;
    65) if grep -q 'cut short\|ends inside a chunk\|before its footer' "$dir/info"; then echo cut; else echo no; fi ;;
    *) echo no ;;
  esac
}
readable_is() { [[ " $* " == *" $(readable) "* ]]; }
# A cut trace replays up to the cut: a table, then the reason, and no anomaly.
replays_cut() {
  local come=0
  "$program" compare "$trace" >"$dir/table" 2>"$dir/table.errors" || come=$?
  [ "$come" -eq 65 ] && grep -q '^DAMAGED' "$dir/table" && ! grep -q '^ERROR\|^DATA LOSS' "$dir/table"
}
# The only fault of the trace is that its end is missing.
checks_cut() {
  local come=0
  "$program" check --full "$trace" >"$dir/check" 2>"$dir/check.errors" || come=$?
  [ "$come" -eq 65 ] && ! grep -v ': no_end: \|: no_chunk: \|^[^ ]*: [0-9]* findings\? in' "$dir/check" >&2
}
# BPF programs (their links hold them, too) and maps of ours that no process has open any more.
orphans() {
  local object
  cat /proc/[0-9]*/fdinfo/* 2>/dev/null | sed -n 's/^\(prog\|map\)_id:\t/\1 /p' >"$dir/held"
  for object in prog map; do
    bpftool -j "$object" show 2>/dev/null |
      jq -r --arg object "$object" '.[] | select((.name // "") | startswith("anonvma")) |
        "\($object) \(.id)"'
  done | grep -cvxFf "$dir/held"
}
no_leftovers() { # the kernel frees them in its own time: one that stays for a minute is a leftover
  for _ in $(seq 600); do
    leftovers=$(orphans)
    [ "$leftovers" -gt 0 ] || break
    sleep 0.1
  done
  [ "$leftovers" -eq 0 ] && [ "$(ls -A /sys/fs/bpf)" = "$pinned" ]
}

report() { # CASE
  local outcome=ok
  if [ ${#problems[@]} -gt 0 ]; then
    outcome="FAILED: $(IFS=';' && echo "${problems[*]}")"
    failed=1
    sed 's/^/    /' "$errors" >&2
  fi
  printf '%-14s %4s  %-6s %8s %7s %9s  %s\n' "$1" "$status" "$kind" "${lost_now:-}" "${tainted:-}" \
    "$leftovers" "$outcome"
}
run_case() { # CASE
  problems=() leftovers=0 kind=- lost_now='' tainted='' status=0 recorder=0
  rm -f "$trace"
  : >"$errors"
  "case_$1" || { printf '%-14s %s\n' "$1" "skipped: not possible here"; return; }
  tried=1
  must "something is left in the kernel" no_leftovers
  if [ -s "$trace" ]; then
    kind=$(readable)
    lost_now=$(lost)
    tainted=$(number tainted_mms)
  fi
  report "$1"
}

# The ring is full, again and again.
case_ring_full() {
  ANONVMA_RING_KIB=8 record --truth -- "$target" family 2 2
  must "status" status_is 3
  must "nothing was lost" test "$(lost)" -gt 0
  must "still tainted at the end" test "$(number tainted_mms_at_end)" -eq 0
  must "differs from the kernel" verified_is 3
  must "objects are called equal" grep -q 'objects, by operation *n/a: .* lost' "$dir/verdict"
}

# The recorder is stopped for a while.
case_stop() {
  start_record --truth --ring-mib 1 -- "$target" family $((seconds + 2)) 2
  sleep 1
  kill -STOP "$recorder"
  sleep "$seconds"
  kill -CONT "$recorder"
  end_record
  must "status" status_is 3
  must "nothing was lost" test "$(lost)" -gt 0
  must "still tainted at the end" test "$(number tainted_mms_at_end)" -eq 0
  must "differs from the kernel" verified_is 3
}

# Ten traces of killed recorders; SEED chooses the moments.
case_kill() {
  echo "kill: SEED=$SEED"
  local moments=${FAULT_KILLS:-10} done=0
  for _ in $(seq "$moments"); do
    start_record --truth -- "$target" family 2 0
    sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
    kill -KILL "$recorder"
    end_record
    must "status" status_is 137
    must "not readable" readable_is cut
    must "check" checks_cut
    must "replay" replays_cut
    done=$((done + 1))
  done
  echo "kill: $done traces of killed recorders"
}

# A script for `sh -c`, with the target: it works as long as its recorder exists.
# shellcheck disable=SC2016  # for the inner shell
until_it_ends='while kill -0 "$PPID" 2>/dev/null; do "$0" family 1 0; done'

# The file system is full: a small one of its own.
case_disk_full() {
  unshare -m true 2>/dev/null || return 1
  status=0
  mkdir -p "$dir/small"
  # shellcheck disable=SC2016  # for the inner shell
  unshare -m bash -c '
    mount -t tmpfs -o size=256k none "$1/small" || exit 99
    "$2" record --quiet --truth -o "$1/small/trace" -- sh -c "$4" "$3" 2>"$1/errors"
    status=$?
    cp "$1/small/trace" "$1/trace"
    exit "$status"' - "$dir" "$program" "$target" "$until_it_ends" || status=$?
  [ "$status" -ne 99 ] || return 1
  must "status" status_is 74
  must "no clear line" one_line
  must "no clear line" says 'No space left'
  must "not readable" readable_is cut
  must "replay" replays_cut
}

# The file system is read-only before the recording, or becomes so meanwhile.
case_read_only() {
  unshare -m true 2>/dev/null || return 1
  mkdir -p "$dir/mount"
  # shellcheck disable=SC2016
  unshare -m bash -c '
    mount -t tmpfs -o ro none "$1/mount" || exit 99
    "$2" record --quiet -o "$1/mount/trace" -- "$3" nothing 2>"$1/errors"' - "$dir" "$program" "$target" ||
    status=$?
  [ "$status" -ne 99 ] || return 1
  must "status before" status_is 74
  must "no clear line before" one_line
  must "no clear line before" says 'Read-only'
  truncate -s 16M "$dir/image"
  mkfs.ext4 -q "$dir/image" 2>/dev/null || return 0
  # shellcheck disable=SC2016
  unshare -m bash -c '
    mount -o loop "$1/image" "$1/mount" || exit 99
    "$2" record --quiet -o "$1/mount/trace" -- \
      sh -c "$4" "$3" 2>"$1/errors" &
    until [ -s "$1/mount/trace" ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
    mount -o remount,abort "$1/mount" 2>/dev/null || mount -o remount,ro "$1/mount"
    wait $!
    status=$?
    cp "$1/mount/trace" "$1/trace"
    exit "$status"' - "$dir" "$program" "$target" "$until_it_ends" >/dev/null 2>&1
  status=$?
  [ "$status" -ne 99 ] || { status=74; return 0; }
  must "status" status_is 74
  must "no clear line" one_line
  must "not readable" readable_is cut whole
}

# The file is removed meanwhile: it is lost, and the recorder says so.
case_removed() {
  start_record -- "$target" family 1 0
  rm -f "$trace"
  end_record
  must "status" status_is 74
  must "no clear line" one_line
  must "no clear line" says 'removed'
}

case_exits_at_once() {
  record --truth -- "$target" nothing
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
}
case_short_lived() {
  record --truth --ring-mib 64 -- "$target" short "${FAULT_PROCESSES:-10000}"
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
}
case_vmas() {
  record --truth --ring-mib 64 -- "$target" vmas 30000
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
}
case_pid_reuse() {
  unshare --pid --fork true 2>/dev/null || return 1
  record --truth -- unshare --pid --fork "$target" reuse 300
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
}

# The wall clock jumps back an hour at each reading, and the monotonic clock has another origin.
case_clock() {
  cat >"$dir/jump.c" <<'C'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long hours;
int clock_gettime(clockid_t clock, struct timespec *t) {
  int error = (int)syscall(SYS_clock_gettime, clock, t);
  if (clock == CLOCK_REALTIME) t->tv_sec -= 3600 * ++hours;
  return error;
}
time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
C
  gcc -shared -fPIC -o "$dir/jump.so" "$dir/jump.c" 2>/dev/null || return 1
  LD_PRELOAD=$dir/jump.so record --truth -- "$target" family 1 1
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
  unshare --time --fork --monotonic 100000 true 2>/dev/null || return 0
  status=0
  unshare --time --fork --monotonic 100000 "$program" record --quiet --force --truth -o "$trace" -- \
    "$target" family 1 1 2>"$errors" || status=$?
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
  local last
  last=$("$program" dump "$trace" | tail -n 1 | cut -d. -f1)
  must "times of another clock" test "$last" -ge 1 -a "$last" -lt 100000
}

# Other work keeps all CPUs busy.
case_hot_cpu() {
  local hot=()
  for _ in $(seq $(($(nproc) * 2))); do
    while :; do :; done &
    hot+=($!)
  done
  mine+=("${hot[@]}")
  record --truth -- "$target" family 2 2
  kill "${hot[@]}" 2>/dev/null
  wait "${hot[@]}" 2>/dev/null
  must "status" status_is 0
  must "differs from the kernel" verified_is 0
}

# The reader of the ring runs before others, the command does not.
case_priority() {
  # shellcheck disable=SC2016  # for the inner shell
  record --truth -- sh -c 'echo "$(nice) $(chrt -p $$ | sed -n "s/.*policy: //p")" >"$1"' - "$dir/priority"
  must "status" status_is 0
  must "the command's priority is not its own" test "$(<"$dir/priority")" = "$(nice) $(chrt -p $$ |
    sed -n 's/.*policy: //p')"
  must "the header does not name the reader" test "$(header reader)" = realtime -o "$(header reader)" = nice
}

# Without CAP_SYS_NICE the ring is larger, and one line says so.
case_no_priority() {
  local usual
  record -- true
  usual=$(header ring_bytes)
  status=0
  prlimit --nice=0 --rtprio=0 setpriv --inh-caps=-sys_nice --bounding-set=-sys_nice "$program" record \
    --force -q -o "$trace" -- true 2>"$errors" || status=$?
  must "status" status_is 0
  must "no clear line" one_line
  must "no clear line" says CAP_SYS_NICE
  must "the header does not say it" test "$(header reader)" = plain
  must "the ring is not larger" test "$(header ring_bytes)" -gt "$usual"
}

# A second recorder records something else at the same time.
case_two_recorders() {
  local second=0
  "$program" record --quiet --truth -o "$dir/second" -- "$target" family 2 2 2>"$dir/second.errors" &
  local other=$!
  mine+=("$other")
  record --truth -- "$target" family 2 2
  wait "$other" || second=$?
  must "status" status_is 0
  must "status of the second" test "$second" -eq 0
  must "differs from the kernel" verified_is 0
  must "the second differs from the kernel" "$program" verify "$dir/second" >/dev/null
}

refused() { # STATUS WORD COMMAND...
  local want=$1 word=$2
  shift 2
  status=0
  "$@" "$program" record -o "$dir/refused" -- "$target" nothing 2>"$errors" || status=$?
  must "status of $word" status_is "$want"
  must "no clear line of $word" one_line
  must "no clear line of $word" says "$word"
  must "a file is left" test ! -e "$dir/refused"
}
case_no_capability() {
  refused 77 CAP_BPF setpriv --inh-caps=-all --bounding-set=-sys_admin,-bpf
  refused 77 CAP_PERFMON setpriv --inh-caps=-all --bounding-set=-sys_admin,-perfmon
}
case_unprivileged() {
  chmod 755 "$dir"
  refused 77 root setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all
}
case_no_btf() { refused 69 BTF env ANONVMA_BTF=/nowhere; }

all=(ring_full stop kill disk_full read_only removed exits_at_once short_lived vmas pid_reuse clock
  hot_cpu priority no_priority two_recorders no_capability unprivileged no_btf)
[ $# -gt 0 ] || set -- "${all[@]}"
if ! "$program" doctor >/dev/null 2>&1; then
  echo "skipped: no recording here"
  exit 77
fi
for tool in jq bpftool; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool here"; exit 77; }
done
pinned=$(ls -A /sys/fs/bpf 2>/dev/null)
printf '%-14s %4s  %-6s %8s %7s %9s  %s\n' fault exit file lost tainted leftovers outcome
for name in "$@"; do
  [ "$(type -t "case_$name")" = function ] || { echo "no case $name" >&2; exit 2; }
  run_case "$name"
done
[ "$tried" -eq 1 ] || exit 77
exit "$failed"
