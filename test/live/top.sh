#!/usr/bin/env bash
# Usage: top.sh PROGRAM CASE
# `anonvma top` on the running kernel. CASE is one of these:
#   json       the lines of 15 seconds beside a load: the schema, checks that are equal, rates
#   pid        one process that sleeps: the model has what the kernel's walk shows, exactly
#   command    -- CMD: its output, its end, and a signal
#   signals    the exit status for each signal, and for a closed pipe
#   refusals   no privilege, no type information, a terminal of an unknown type
#   screen     a pseudo-terminal of tmux: keys, sizes, the terminal afterwards
#   hangup     the terminal goes away
#   long       30 minutes beside a load: equal at every check, in bounded memory
# Needs root; 77 if the machine cannot record.
set -euo pipefail
program=$(realpath "$1") case=$2
# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
source=$(realpath "$(dirname "$0")/../..")

dir=$(mktemp -d)
load=0 sleeper=0 tmux_server=0
finish() {
  if [ "$load" -ne 0 ]; then kill -TERM "$load" 2>/dev/null || true; fi
  if [ "$sleeper" -ne 0 ]; then kill "$sleeper" 2>/dev/null || true; fi
  if [ "$tmux_server" -ne 0 ]; then tmux -S "$dir/tmux" kill-server 2>/dev/null || true; fi
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"
can_record

begin_load() { # forks and execs with pauses, until the end
  (
    trap 'exit 0' TERM
    while :; do (true); sh -c 'ls / | wc -l' >/dev/null; sleep 0.05; done
  ) &
  load=$!
}
# Runs the command and fails unless it ends with STATUS; lost events are no failure of top.
ends_with() { # STATUS CMD...
  local wanted=$1 status=0
  shift
  "$@" || status=$?
  if [ "$status" -eq 3 ] && [ "$wanted" -eq 0 ]; then return 0; fi
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status, not $wanted"
}
needs() { command -v "$1" >/dev/null || skip "$1 is needed"; }
wait_for() { # WHAT CMD...: for up to 20 seconds
  local what=$1
  shift
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "$what: in vain"
}

in_tmux() { tmux -S "$dir/tmux" "$@"; }
screen() { in_tmux capture-pane -p -t top; }
shows() { screen | grep -q -- "$1"; }
begin_screen() { # COLUMNS LINES [OPTION...]: top in a shell, whose status goes to `status`
  local columns=$1 lines=$2
  shift 2
  tmux_server=1
  cat >run <<END
stty -a >before
sh -c 'echo \$\$ >pid; exec "\$@"' sh "$program" top --interval 0.5 $* 2>messages
echo \$? >status
stty -a >after
sleep 60
END
  in_tmux -f /dev/null new-session -d -s top -x "$columns" -y "$lines" "exec sh run"
  wait_for 'the first screen' shows '^anonvma top'
}
# A server that is still ending would refuse the next session.
end_screen() {
  local server
  server=$(in_tmux display-message -p '#{pid}')
  in_tmux kill-server
  gone() { ! kill -0 "$server" 2>/dev/null; }
  wait_for "the end of tmux" gone
}

case $case in
  json)
    needs python3
    begin_load
    ends_with 0 "$program" top --json-lines --interval 1 --count 15 --check 3 >lines
    python3 "$source/test/live/top_lines.py" system 15 <lines
    ;;
  pid)
    needs python3
    setsid sleep 300 &
    sleeper=$!
    ends_with 0 "$program" top --pid "$sleeper" --json-lines --interval 1 --count 4 --check 2 >lines
    python3 "$source/test/live/top_lines.py" exact 4 <lines
    ;;
  command)
    ends_with 0 "$program" top --json-lines --interval 0.5 -- sh -c 'echo out; sleep 1.5' >lines 2>errors
    grep -q '^out$' errors || fail "the command's output is not on stderr"
    ! grep -qv '^{' lines || fail "a line is no object"
    tail -n 1 lines | grep -q '"ended":"the command has ended"' || fail "it does not say that the command has ended"
    ends_with 0 "$program" top --once --interval 1 -- sleep 2 >text </dev/null
    grep -q '^design ' text || fail "--once prints no table"
    status=0
    timeout --signal INT 2 "$program" top --json-lines -- sleep 60 >lines || status=$?
    # timeout reports 124 when it has sent its signal; the program's own status is asked for below
    [ "$status" -eq 124 ] || fail "it did not last"
    ends_with 130 timeout --preserve-status --signal INT 2 "$program" top --json-lines -- sleep 60 >lines
    ;;
  signals)
    for signal in INT TERM HUP; do
      ends_with 0 timeout --preserve-status --signal "$signal" 2 "$program" top --json-lines >lines
      grep -q '"schema":"anonvma.top/1"' lines || fail "no line of the schema"
    done
    set +o pipefail
    { "$program" top --json-lines --interval 0.2 2>errors || echo $? >status; } | head -n 1 >lines
    set -o pipefail
    [ "$(cat status)" -eq 74 ] || fail "a closed pipe gives $(cat status)"
    grep -q 'standard output' errors || fail "it does not say that the pipe was closed"
    ;;
  refusals)
    status=0
    ANONVMA_BTF=/nonexistent "$program" top --once >said 2>&1 || status=$?
    [ "$status" -eq 69 ] || { cat said && fail "without type information it ended with $status"; }
    grep -q 'CONFIG_DEBUG_INFO_BTF=y' said || fail "it does not say why"
    chmod 755 "$dir"
    status=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$program" top --once >said 2>&1 || status=$?
    [ "$status" -eq 77 ] || { cat said && fail "without privilege it ended with $status"; }
    ends_with 2 "$program" top --strategies nonsense 2>said
    needs tmux
    tmux_server=1
    in_tmux -f /dev/null new-session -d -s top "TERM=nonsense '$program' top 2>'$dir/messages'; echo \$? >'$dir/status'"
    wait_for 'the end' test -s status
    case $(cat status) in
      69) grep -Eq "of the type 'nonsense'|has no screen" messages || fail "it does not name the terminal" ;;
      *) fail "an unknown terminal gives $(cat status)" ;;
    esac
    ;;
  screen)
    needs tmux
    "$program" top --once --interval 0.2 >/dev/null || skip "top does not run here"
    begin_load
    begin_screen 80 24
    if grep -q 'has no screen' messages; then skip "this build has no ncurses"; fi
    wait_for 'owners' shows '^owners under '
    wait_for 'a check' shows '^checked .* equal'
    [ "$(screen | awk 'length > 80' | wc -l)" -eq 0 ] || fail "a line is too long"
    screen | grep -q '^? help' || fail "the last line names no keys"
    in_tmux send-keys -t top '?'
    wait_for 'the page of keys' shows 'quit'
    in_tmux send-keys -t top '?'
    wait_for 'the tables again' shows '^design '
    in_tmux send-keys -t top o
    wait_for 'owners by mm' shows 'mm [0-9]* ('
    in_tmux send-keys -t top / s l e e p Enter
    wait_for 'the filter' shows 'with "sleep"'
    in_tmux send-keys -t top Space
    wait_for 'the pause' shows PAUSED
    in_tmux send-keys -t top Space
    in_tmux resize-window -t top -x 120 -y 40
    wait_for 'the wide table' shows 'locks/s'
    in_tmux resize-window -t top -x 40 -y 10
    wait_for 'the words for a small screen' shows 'are needed'
    in_tmux resize-window -t top -x 80 -y 24
    wait_for 'the tables again' shows '^design '
    in_tmux send-keys -t top q
    wait_for 'the end' test -s status
    case $(cat status) in 0 | 3) ;; *) cat messages && fail "q gives $(cat status)" ;; esac
    wait_for 'the state of the terminal' test -s after
    diff before after || fail "the terminal is not as before"
    [ "$(in_tmux display-message -p -t top '#{alternate_on}')" = 0 ] || fail "the screen is not left"
    for signal in TERM INT; do
      end_screen
      rm -f status after
      begin_screen 80 24
      kill -"$signal" "$(cat pid)"
      wait_for 'the end' test -s after
      case $(cat status) in 0 | 3) ;; *) fail "SIG$signal gives $(cat status)" ;; esac
      diff before after || fail "the terminal is not as before SIG$signal"
    done
    ;;
  hangup)
    needs tmux
    begin_screen 80 24
    if grep -q 'has no screen' messages; then skip "this build has no ncurses"; fi
    in_tmux kill-server
    ends() { ! kill -0 "$(cat pid)"; }
    wait_for 'the end behind the terminal' ends
    ;;
  long)
    ANONVMA=$program "$source/scripts/soak" -t "${SOAK_MINUTES:-30}" -l
    ;;
  *) fail "no such case" ;;
esac
