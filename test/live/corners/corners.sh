#!/usr/bin/env bash
# Usage: corners.sh PROGRAM LIVE_CORNERS [NAME...]
# Records each scenario of LIVE_CORNERS with PROGRAM and compares the model with the kernel: one line per
# scenario, with its differences. Most are recorded twenty at a time, and one by one after a difference.
# Status 1 if any failed, 77 if none could be tried. Traces of failed scenarios are kept in
# $CORNERS_KEEP, if it is set.
set -uo pipefail
program=$1 corners=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT # the bystander ends without its folder
trace=$dir/trace
failed=0 equal=0
export CORNERS_BYSTANDER=$dir/bystander
"$corners" --bystander "$CORNERS_BYSTANDER" >/dev/null 2>&1 &
until [ -S "$CORNERS_BYSTANDER" ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done

fail() { # NAME: REASON
  echo "failed $1"
  failed=$((failed + 1))
}

# Sets $status to the scenario's exit status as a shell reports it.
record_command() { # NAME OPTION...
  local name=$1
  shift
  "$program" record --quiet --truth --ring-mib 64 --force "$@" -o "$trace" -- "$corners" "$name" \
    >"$dir/out" 2>&1
  recorded=$?
  case $recorded in 0 | 3) ;; *) return ;; esac
  status=$("$program" info --json "$trace" | sed -n 's/.*"command_status": \([0-9-]*\).*/\1/p')
  status=$((status >> 8 | (status & 127 ? 128 : 0)))
}

# A family that existed before the recording: all of it, or the part below one of its members.
record_family() { # MEMBER
  rm -f "$dir/go"
  : >"$dir/out" # the family of the test before must not be taken for this one
  CORNERS_GO=$dir/go "$corners" older_family >"$dir/out" 2>&1 &
  local family=$!
  until [ "$(grep -c . "$dir/out")" -ge 4 ] || ! kill -0 $family 2>/dev/null; do sleep 0.02; done
  rm -f "$trace"
  "$program" record --quiet --truth --ring-mib 64 --force -o "$trace" \
    --pid "$(sed -n "s/^$1 //p" "$dir/out")" >"$dir/errors" 2>&1 &
  local recorder=$!
  # The recorder writes the header when it has read all live processes.
  until [ -s "$trace" ] || ! kill -0 $recorder 2>/dev/null; do sleep 0.02; done
  touch "$dir/go"
  wait $family
  status=$?
  kill -INT $recorder 2>/dev/null
  wait $recorder
  recorded=$?
}

# Reports a scenario as equal, skipped or failed.
settle() { # NAME STATUS OUTPUT
  case $2 in
    0) echo "equal $1" && equal=$((equal + 1)) ;;
    77) echo "skipped $1: $(sed -n 's/^skipped: //p' "$3")" ;;
    *) fail "$1: status $2: $(grep -v '^anonvma: ' "$3" | tail -n 1)" ;;
  esac
}

try_alone() { # NAME
  local name=$1
  recorded=0 status=0
  : >"$dir/errors"
  case $name in
    restless) record_command "$name" --duration 0.2 && status=0 ;; # ended by a signal
    family_of_*) record_family "${name#family_of_}" ;;
    *) record_command "$name" ;;
  esac
  case $recorded in
    0 | 3) ;;
    69 | 77) echo "skipped $name: this machine cannot record" && return ;;
    *) fail "$name: record ended with $recorded: $(tail -qn 1 "$dir/out" "$dir/errors" 2>&1)" && return ;;
  esac
  if [ "$status" -ne 0 ] || "$program" verify --full "$trace" >"$dir/verdict" 2>&1; then
    settle "$name" "$status" "$dir/out"
    return
  fi
  fail "$name"
  sed 's/^/    /' "$dir/verdict"
  [ -z "${CORNERS_KEEP:-}" ] || cp "$trace" "$CORNERS_KEEP/$name.trace"
}

# Runs scenarios one after another in one recording; false if the result of each is not known.
try_together() { # NAME...
  local name
  rm -f "$dir"/status.*
  # shellcheck disable=SC2016 # for the inner shell
  "$program" record --quiet --truth --ring-mib 64 --force -o "$trace" -- sh -c '
    dir=$1 corners=$2
    shift 2
    for name; do
      "$corners" "$name" >"$dir/out.$name" 2>&1
      echo $? >"$dir/status.$name"
    done' corners "$dir" "$corners" "$@" >"$dir/out" 2>&1 || return
  "$program" verify --full "$trace" >"$dir/verdict" 2>&1 || return
  for name in "$@"; do [ -s "$dir/status.$name" ] || return; done
  for name in "$@"; do settle "$name" "$(<"$dir/status.$name")" "$dir/out.$name"; done
}

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <("$corners" --list)
together=()
for name in "${names[@]}"; do
  case $name in # these are recorded in their own ways
    restless | family_of_* | outlives_command)
      try_alone "$name"
      continue
      ;;
  esac
  together+=("$name")
done
for ((i = 0; i < ${#together[@]}; i += 20)); do
  some=("${together[@]:i:20}")
  try_together "${some[@]}" || for name in "${some[@]}"; do try_alone "$name"; done
done
[ "$failed" -eq 0 ] || exit 1
[ "$equal" -gt 0 ] || exit 77
