#!/usr/bin/env bash
# Usage: namespaces.sh PROGRAM CASE
# Recordings inside namespaces. CASE is one of these:
#   command, foreign_proc  a command in a pid namespace, with a /proc of its own or without
#   beside                 the same, while processes of another namespace with the command's number exec
#   pid, system            a process of a pid namespace that is older than the recording
#   container              a cgroup, and a command, where pids, mounts and cgroups have namespaces of their own
#   user                   root of a user namespace
# Needs root, except for user; 77 if the machine cannot record, or cannot make such a namespace.
set -euo pipefail
program=$(realpath "$1") case=$2 self=$(realpath "$0")

# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"

# Cases named inside_CASE run inside the namespace, in the folder of the test.
case $case in
  inside_pid | inside_system)
    # shellcheck disable=SC2016 # for the inner shell
    bash -c 'read -r _ <go; ./insider; ls / | sort >listed; echo >ask; read -r _ <answer; ./insider' &
    older=$!
    only=()
    [ "$case" = inside_system ] || only=(--pid "$older")
    "$program" record --truth --force -o trace "${only[@]}" &
    recorder=$!
    until [ -s trace ]; do # the recorder writes the header when everything is attached
      kill -0 "$recorder" 2>/dev/null || { wait "$recorder"; exit 1; }
      sleep 0.05
    done
    echo >go
    wait "$older"
    kill -INT "$recorder"
    wait "$recorder"
    exit
    ;;
  inside_container) # the mount shows the cgroup of this process as the root of the hierarchy
    mkdir mnt
    mount -t cgroup2 none mnt
    mkdir mnt/job
    "$program" record --truth --cgroup job -o trace &
    recorder=$!
    until [ -s trace ]; do
      kill -0 "$recorder" 2>/dev/null || { wait "$recorder"; exit 1; }
      sleep 0.05
    done
    # shellcheck disable=SC2016 # for the inner shell
    bash -c 'echo $$ >mnt/job/cgroup.procs; exec bash -c "./insider; ls / | sort >listed; ./insider"'
    ./outsider
    kill -INT "$recorder"
    wait "$recorder"
    rmdir mnt/job
    "$program" record --truth -o command -- sh -c 'ls; ls | sort'
    exit
    ;;
esac

dir=$(mktemp -d)
helper=0
stop() {
  if [ "$helper" -ne 0 ]; then kill "$helper" 2>/dev/null || true; wait "$helper" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap stop EXIT
cd "$dir"

may_unshare() { # OPTION...
  unshare "$@" true 2>/dev/null || skip "unshare $* is not permitted here"
}
# Checks the number of processes at the start, that there are events, and that verify finds no difference.
check_trace() { # PROCESSES, as a pattern
  local info verdict status=0
  info=$("$program" info --full trace)
  verdict=$("$program" verify --full trace) || status=$?
  echo "$info" | grep '^events\|^processes'
  [ "$status" -eq 0 ] || fail "verify ended with $status: $verdict"
  echo "$info" | grep -q "^processes *$1 at start, 0 unreadable" || fail "not $1 processes"
  echo "$info" | grep -q '^events *[1-9]' || fail "no events"
}
execs_of() { "$program" dump trace | grep -c " snapshot reason=1 .* comm=$1$" || true; }

case $case in
  command | foreign_proc)
    [ "$case" = foreign_proc ] && namespace=(--pid --fork) || namespace=(--pid --fork --mount-proc)
    may_unshare "${namespace[@]}"
    can_record
    unshare "${namespace[@]}" "$program" record --truth -o trace -- sh -c 'ls; ls | sort' ||
      fail "record ended with $?"
    check_trace 0
    [ "$(execs_of ls)" -ge 2 ] || fail "not every exec of the command is in the trace"
    ;;
  beside)
    may_unshare --pid --fork --mount-proc
    can_record
    mkfifo never
    cp "$(type -P true)" insider
    cp insider stranger
    # Each process there has one of the numbers 2 to 40. A read that nothing answers forks no sleep.
    # shellcheck disable=SC2016 # for the inner shell
    unshare --pid --fork --kill-child bash -c '
      exec 3<>never
      for ((i = 2; i <= 40; i++)); do
        (until [ -e told ]; do read -r -t 0.05 -u 3 _ || true; done && exec ./stranger) &
      done
      wait && : >ended' &
    helper=$!
    # shellcheck disable=SC2016 # for the inner shell
    unshare --pid --fork --mount-proc "$program" record --truth -o trace -- \
      sh -c './insider; echo $$ >number; : >told; until [ -e ended ]; do sleep 0.05; done' ||
      fail "record ended with $?"
    check_trace 0
    number=$(cat number)
    ((2 <= number && number <= 40)) || fail "nobody had the command's number $number"
    [ "$(execs_of insider)" -eq 1 ] || fail "an exec inside is not in the trace"
    [ "$(execs_of stranger)" -eq 0 ] || fail "an exec beside is in the trace"
    ;;
  pid | system)
    may_unshare --pid --fork --mount-proc
    can_record
    mkfifo go ask answer
    cp "$(type -P true)" insider
    cp insider outsider
    # This process is outside, while the recording is inside.
    (read -r _ <ask && ./outsider && ./outsider && echo >answer) &
    helper=$!
    unshare --pid --fork --mount-proc --kill-child "$self" "$program" "inside_$case" ||
      fail "it ended with $?"
    # The recording covers the namespace: its init, which waits by sleep, the older process, the recorder.
    check_trace "$([ "$case" = pid ] && echo 1 || echo '[34]')"
    [ "$(execs_of insider)" -eq 2 ] || fail "not every exec inside is in the trace"
    [ "$(execs_of outsider)" -eq 0 ] || fail "an exec outside is in the trace"
    ;;
  container)
    namespaces=(--pid --fork --mount-proc --cgroup --mount)
    may_unshare "${namespaces[@]}"
    can_record
    hierarchy=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
    group=$hierarchy/anonvma-test-$$
    if [ -z "$hierarchy" ] || ! mkdir "$group" 2>/dev/null; then skip "no cgroup of v2 can be made here"; fi
    cp "$(type -P true)" insider
    cp insider outsider
    # shellcheck disable=SC2016 # for the inner shell
    status=0
    bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' bash "$group" \
      unshare "${namespaces[@]}" --kill-child "$self" "$program" inside_container || status=$?
    for _ in {1..50}; do ! rmdir "$group" 2>/dev/null || break; sleep 0.1; done
    [ "$status" -eq 0 ] || fail "it ended with $status"
    check_trace 0
    [ "$(execs_of insider)" -eq 2 ] || fail "not every exec of the cgroup is in the trace"
    [ "$(execs_of outsider)" -eq 0 ] || fail "an exec beside the cgroup is in the trace"
    "$program" compare trace --by cgroup | grep -q '^/job ' || fail "the table does not name the cgroup"
    "$program" verify --full command >said || { cat said && fail "verify of the command ended with $?"; }
    ;;
  user)
    may_unshare -Ur
    for command in doctor "record -o trace -- true"; do
      status=0
      # shellcheck disable=SC2086 # words
      unshare -Ur "$program" $command >said 2>&1 || status=$?
      cat said
      [ "$status" -eq 77 ] || fail "$command ended with $status"
      [ "$(grep -c 'root of a user namespace does not suffice' said)" -eq 1 ] ||
        fail "$command does not say why in one line"
    done
    [ "$(wc -l <said)" -eq 1 ] || fail "record says more than that line"
    [ ! -e trace ] || fail "record left a file behind"
    ;;
  *) fail "no such case" ;;
esac
