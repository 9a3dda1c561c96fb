#!/usr/bin/env bash
# Usage: memory.sh PROGRAM CASE
# The recorder in a memory cgroup of 64 MiB. CASE is one of these:
#   small    it takes a ring that fits, and the recording is equal in every lane
#   refused  the ring does not fit: one line, status 69, no file
#   killed   it is killed for want of memory: what it has written is whole
# Needs root; 77 if the machine cannot record, or lets nobody limit memory.
set -euo pipefail
program=$(realpath "$1") case=$2
dir=$(mktemp -d)
group='' helpers=()

# shellcheck source=test/live/begin.sh
source "$(dirname "$0")/begin.sh"
stop() {
  : >over # ends the command of a recorder that was killed
  for helper in "${helpers[@]}"; do kill "$helper" 2>/dev/null || true; wait "$helper" 2>/dev/null || true; done
  for _ in {1..50}; do
    if [ -z "$group" ] || rmdir "$group" 2>/dev/null; then break; fi
    sleep 0.1
  done
  rm -rf "$dir"
}
trap stop EXIT
cd "$dir"

can_record
mount=$(cgroup_mount memory) limit=memory.limit_in_bytes
if [ -z "$mount" ]; then
  mount=$(cgroup_mount v2) limit=memory.max
  echo +memory >"$mount/cgroup.subtree_control" 2>/dev/null || true
fi
[ -n "$mount" ] || skip 'no hierarchy of cgroups is mounted'
group=$mount/anonvma-test-$$
mkdir "$group" 2>/dev/null || { group='' && skip "$mount: no cgroup can be made here"; }
echo 67108864 >"$group/$limit" 2>/dev/null || skip "$group: memory cannot be limited here"
cat >inside <<'end' # OOM_SCORE_ADJ CMD...
#!/usr/bin/env bash
echo $$ >GROUP/cgroup.procs && echo "$1" >/proc/self/oom_score_adj && shift && exec "$@"
end
sed -i "s|GROUP|$group|" inside
chmod +x inside

case $case in
  small)
    ./inside 0 "$program" record --truth -o trace -- sh -c 'ls -l / | sort | wc -l' >counted || fail "record ended with $?"
    "$program" verify --full trace >verdict || { cat verdict && fail "verify ended with $?"; }
    "$program" info --full trace | grep '^ring *4.0 MiB' || fail 'the ring is not of the size that fits'
    ;;
  refused)
    status=0
    ./inside 0 "$program" record --ring-mib 128 -o trace -- true 2>said || status=$?
    cat said
    [ "$status" -eq 69 ] || fail "record ended with $status"
    [ "$(wc -l <said)" -eq 1 ] || fail 'it says more than a line'
    grep -q 'no memory for .* of 128 MiB: .*--ring-mib.*memory limit' said || fail 'it does not say why'
    [ ! -e trace ] || fail 'it left a file behind'
    ;;
  killed)
    # shellcheck disable=SC2016 # for the inner shell
    ./inside 1000 "$program" record --truth -o trace -- \
      bash -c 'echo 0 >/proc/self/oom_score_adj; until [ -e over ]; do sort /proc/self/maps >sorted; sleep 0.1; done' &
    recorder=$!
    helpers+=("$recorder")
    until [ -s trace ]; do
      kill -0 "$recorder" 2>/dev/null || fail 'record ended early'
      sleep 0.05
    done
    sleep 3 # it writes once a second
    ./inside 0 tail /dev/zero &
    helpers+=("$!")
    status=0
    wait "$recorder" || status=$?
    : >over
    [ "$status" -eq 137 ] || fail "record was not killed, it ended with $status"
    for command in info verify; do
      status=0
      "$program" "$command" --full trace >told 2>said || status=$?
      cat said
      [ "$status" -eq 65 ] || { cat told && fail "$command ended with $status"; }
      [ "$command" = verify ] || grep '^events  *[1-9]' told || fail 'nothing was written'
      grep -q 'file has no end chunk: the recorder was cut short' said || fail "$command does not say that the end is missing"
    done
    ! awk '/ compared / && $(NF - 2) + 0 != $NF + 0' told | grep . || fail 'what was written differs from the kernel'
    [ "$("$program" dump trace | grep -c ' snapshot reason=1 .* comm=sort$')" -ge 3 ] || fail 'events are missing'
    ;;
  *) fail "no such case" ;;
esac
