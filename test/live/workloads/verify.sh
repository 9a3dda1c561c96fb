#!/usr/bin/env bash
# Usage: verify.sh PROGRAM WORKLOAD [TRACE]
# Records a workload with PROGRAM, checks the trace, and compares the model with the kernel. The status is
# that of `PROGRAM check` or `PROGRAM verify`; 77 if the workload or the recording cannot run here. TRACE
# is kept if given.
set -euo pipefail
program=$1 workload=$2 trace=${3:-}
if [ -z "$trace" ]; then
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  trace=$dir/trace
fi
status=0
"$program" record --quiet --truth --ring-mib 64 --force -o "$trace" -- "$workload" || status=$?
case $status in
  0 | 3) ;; # 3: events were lost, and verify reports that too
  69 | 77) exit 77 ;;
  *) exit "$status" ;;
esac
# A status as in wait(2). The workload itself has printed the reason.
case $("$program" info --json "$trace" | sed -n 's/.*"command_status": \([0-9-]*\).*/\1/p') in
  0) ;;
  $((77 << 8))) exit 77 ;;
  *) exit 1 ;;
esac
status=0
"$program" check "$trace" || status=$?
case $status in
  0 | 3) "$program" verify --full "$trace" ;;
  *) exit "$status" ;;
esac
