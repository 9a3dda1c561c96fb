#!/usr/bin/env bash
# Usage: doctor.sh PROGRAM CASE
# What doctor and record say where something is missing, and their exit status. CASE is one of these:
#   tracefs    without tracefs a recording works
#   btf        no type information
#   privilege  a user without privilege
# Needs root; 77 if the machine cannot record.
set -euo pipefail
program=$(realpath "$1") case=$2 self=$(realpath "$0")

# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
if [ "$case" = inside_tracefs ]; then # in a mount namespace of its own
  for folder in /sys/kernel/tracing /sys/kernel/debug/tracing /sys/kernel/debug; do
    ! mountpoint -q "$folder" || umount "$folder" 2>/dev/null || skip "$folder cannot be unmounted here"
  done
  "$program" doctor --full >said || fail "doctor ended with $?"
  grep '^kernel *tracefs is not mounted' said || fail 'doctor does not name it'
  "$program" record --truth -o trace -- ls / >/dev/null || fail "record ended with $?"
  "$program" verify --full trace >verdict || { cat verdict && fail "verify ended with $?"; }
  exit
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$program" doctor --full >said 2>&1 || status=$?
[ "$(id -u)" -eq 0 ] || skip "root is needed"
[ "$status" -eq 0 ] || { cat said && skip "anonvma doctor says that this machine cannot record (see above)"; }
chmod 755 "$dir"

# Each command has to end with STATUS, and to say WORDS in one line.
says() { # STATUS WORDS CMD...
  local wanted=$1 words=$2 status=0
  shift 2
  "$@" >said 2>&1 || status=$?
  grep "$words" said || { cat said && fail "$* does not say why"; }
  [ "$(grep -c "$words" said)" -eq 1 ] || fail "$* says it more than once"
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status, not $wanted"
  [ ! -e trace ] || fail "$* left a file behind"
}
case $case in
  tracefs)
    unshare --mount true 2>/dev/null || skip 'unshare --mount is not permitted here'
    unshare --mount "$self" "$program" inside_tracefs
    ;;
  btf)
    export ANONVMA_BTF=/nonexistent
    says 69 'MISSING .*CONFIG_DEBUG_INFO_BTF=y$' "$program" doctor --full
    says 69 'CONFIG_DEBUG_INFO_BTF=y$' "$program" record -o trace -- true
    ;;
  privilege)
    nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${nobody[@]}" test -x "$program" 2>/dev/null || skip 'another user cannot run the program'
    says 77 'MISSING .*CAP_BPF and CAP_PERFMON missing$' "${nobody[@]}" "$program" doctor --full
    says 77 'run it as root' "${nobody[@]}" "$program" record -o trace -- true
    ;;
  *) fail "no such case" ;;
esac
