#!/usr/bin/env bash
# Usage: cgroups.sh PROGRAM CASE
# Recordings of a cgroup. CASE is one of these:
#   v2, v1   processes that were there, that come in by exec, and their children, also in a cgroup below;
#            in a hierarchy of cgroup v2 or v1
#   moved    a running process that moves in, and one that moves out and then execs
#   refused  cgroups that cannot be recorded
# Needs root; 77 if the machine cannot record, or lets nobody make cgroups.
set -euo pipefail
program=$(realpath "$1") case=$2
dir=$(mktemp -d)
group='' helpers=()

# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
stop() {
  for helper in "${helpers[@]}"; do kill "$helper" 2>/dev/null || true; wait "$helper" 2>/dev/null || true; done
  if [ -n "$group" ]; then rmdir "$group/below" "$group" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap stop EXIT
cd "$dir"

can_record

make_group() { # v2|CONTROLLER
  local mount
  mount=$(cgroup_mount "$1")
  [ -n "$mount" ] || skip "no $1 hierarchy of cgroups is mounted"
  group=$mount/anonvma-test-$$
  mkdir "$group" "$group/below" 2>/dev/null || { group='' && skip "$mount: no cgroup can be made here"; }
}
# Runs a program inside. It is exec'ed there, so it shares nothing with this process.
cat >inside <<'end'
#!/usr/bin/env bash
echo $$ >"$1/cgroup.procs" && shift && exec "$@"
end
chmod +x inside
record() { # OPTION...
  "$program" record --truth --force -o trace "$@" 2>said &
  recorder=$!
  helpers+=("$recorder")
  until [ -s trace ]; do # the recorder writes the header when everything is attached
    kill -0 "$recorder" 2>/dev/null || { cat said && fail "record ended"; }
    sleep 0.05
  done
}
end_recording() {
  status=0
  kill -INT "$recorder"
  wait "$recorder" || status=$?
  [ "$status" -eq 0 ] || { cat said && fail "record ended with $status"; }
  "$program" verify --full trace >verdict || { cat verdict && fail "verify ended with $?"; }
  "$program" info --full trace | grep '^scope\|^cgroup\|^processes\|^events'
}
# `grep -c` reads all, so the writer does not see a broken pipe.
snapshots() { "$program" dump trace | grep -c " snapshot $1 .* comm=$2$" || true; }
must_have() { # COUNT REASON COMM
  [ "$(snapshots "$2" "$3")" -eq "$1" ] || fail "$3: $(snapshots "$2" "$3") snapshots with $2, not $1"
}
exec='reason=1' attach='nr_vmas=[0-9]*' # the reason of an attach is 0, which is not printed

# A program that waits for a line before each of its words: it says "on" after each of them. The words are
# commands.
cat >stepper <<'end'
#!/bin/bash
exec 4<>"$1.go" 5<>"$1.on"
echo on >&5
while read -r -u 4 word; do
  eval "$word"
  echo on >&5
done
end
chmod +x stepper
for name in native below outside mover leaver; do cp "$(type -P true)" "$name"; done
declare -A go on pid # of steppers, by name
start() { # NAME [CGROUP]: a stepper
  mkfifo "$1.go" "$1.on"
  exec {to}<>"$1.go" {from}<>"$1.on"
  go[$1]=$to on[$1]=$from
  if [ $# -eq 2 ]; then ./inside "$2" ./stepper "$1" & else ./stepper "$1" & fi
  pid[$1]=$!
  helpers+=("$!")
  step "$1"
}
step() { # NAME [COMMAND]
  [ $# -eq 1 ] || echo "$2" >&"${go[$1]}"
  read -r -t 20 -u "${on[$1]}" _ || fail "$1 does not answer"
}

case $case in
  v2 | v1)
    if [ "$case" = v2 ]; then make_group v2; else make_group pids; fi
    start old "$group"
    record --cgroup "$group"
    step old 'ls / | sort >listed; ./native'
    ./inside "$group" ./native
    ./inside "$group/below" bash -c './below; ls -l / | sort | wc -l; ./below' >counted
    ./outside
    step old ./native
    end_recording
    must_have 1 "$attach" stepper
    must_have 3 "$exec" native
    must_have 2 "$exec" below
    must_have 0 "$exec" outside
    grep -q "^cgroup *$group$" <("$program" info --full trace) || fail "the trace does not name its cgroup"
    ;;
  moved)
    make_group v2
    start comes
    start goes "$group"
    record --cgroup "${group##*/}" # below the mount
    step comes ./outside           # not recorded yet
    echo "${pid[comes]}" >"$group/cgroup.procs"
    for _ in {1..20}; do step comes './mover && sleep 0.02'; done # the recorder reads it meanwhile
    step goes ./native
    echo "${pid[goes]}" >"${group%/*}/cgroup.procs"
    step goes ./leaver # its exec decides
    step goes 'ls | sort >listed'
    echo "exec ./outside" >&"${go[goes]}"
    wait "${pid[goes]}" || fail "a stepper ended with $?"
    end_recording
    # A child of the newcomer may be read as well, as long as it has not exec'ed.
    [ "$(snapshots "$attach" stepper)" -ge 2 ] || fail 'the process that moved in was not read'
    must_have 1 "$exec" native
    must_have 0 "$exec" outside
    must_have 0 "$exec" leaver
    must_have 20 "$exec" mover
    ;;
  refused)
    make_group v2
    refuse() { # STATUS WORDS OPTION...
      local status=0 wanted=$1 words=$2
      shift 2
      "$program" record -o trace "$@" >said 2>&1 || status=$?
      cat said
      [ "$status" -eq "$wanted" ] || fail "$* ended with $status, not $wanted"
      [ "$(wc -l <said)" -eq 1 ] || fail "$* says more than a line"
      grep -q "$words" said || fail "$* does not say why"
      [ ! -e trace ] || fail "$* left a file behind"
    }
    refuse 2 'no such cgroup' --cgroup "$group/nowhere"
    refuse 2 'no such cgroup' --cgroup /tmp
    refuse 2 'no such cgroup' --cgroup nowhere
    refuse 2 'excludes' --cgroup "$group" --pid $$
    refuse 2 'excludes' --cgroup "$group" -- true
    named=$(awk '/ - cgroup .*name=/ && !/cgroup[^-]*rw,[a-z_]+,name=/ { print $5; exit }' /proc/self/mountinfo)
    [ -z "$named" ] || refuse 2 'has no controller' --cgroup "$named"
    ;;
  *) fail "no such case" ;;
esac
