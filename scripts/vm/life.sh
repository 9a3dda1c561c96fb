#!/bin/sh
# The workload that guests of scripts/vmtest record: forks, maps, protects, moves and advises by script
# (live_scripted), the same by threads that share an address space (live_hammer), and a shell that execs.
# Usage: life.sh OPERATIONS, of each thread
set -e
live_scripted
live_hammer "$1" 7 4 3
# shellcheck disable=SC2012 # many small processes are the point
for folder in /bin /payload /proc/self; do (ls -l "$folder"; echo "$folder") | sort | tail -n 3; done
sh -c 'for i in 1 2 3 4; do sh -c "echo $i" | cat | wc -c; done'
