#!/usr/bin/env bash
# Usage: look.sh PROGRAM
# `map --live` and `explain --live` on a shell and its child, which share anon_vmas: the vmas drawn are
# those of /proc/PID/maps, and each names the other. Exits with 77 where recording is not possible.
set -uo pipefail
program=$(realpath "$1") case=live
# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
dir=$(mktemp -d)
cd "$dir" || exit
parent=0
trap 'kill "$parent" 2>/dev/null; rm -rf "$dir"' EXIT
can_record

mkfifo hold
bash -c 'text=$(seq 20000); (echo "$BASHPID" >child; read -r _ <hold; echo "$text" >/dev/null) & wait' &
parent=$!
until [ -s child ]; do sleep 0.05; done
child=$(<child)

look() { # FILE COMMAND...
  "$program" "${@:2}" --live --duration 0.3 >"$1" 2>err || fail "${*:2} ended with $?: $(cat err)"
}
for pid in "$parent" "$child"; do
  look map.json map --mm "pid:$pid" --json
  look one.json map --mm "pid:$pid" --pid "$pid" --json
  wanted=$(grep -vc vsyscall "/proc/$pid/maps")
  for file in map one; do
    drawn=$(grep -c '"access":' $file.json)
    [ "$drawn" = "$wanted" ] || fail "$drawn vmas of pid $pid in $file.json, and $wanted in its maps"
    grep -q '"why": "end"' $file.json || fail 'a look at this machine is not of the end'
  done
done
look text explain --mm "pid:$child"
grep -q 'at the start' text || fail 'an anon_vma of before the recording is not of the start'
grep -q ' of 2 mms are linked to it' text || fail "parent and child do not share: $(cat text)"
printf go >hold
wait "$parent"
