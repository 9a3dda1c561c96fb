# Usage: source begin.sh, with the recorder in $program and the case in $case
# What the scripts of this folder share.

fail() {
  echo "${0##*/} $case: $*" >&2
  exit 1
}
skip() {
  echo "skipped: $*"
  exit 77
}
can_record() {
  local status=0
  "$program" doctor --full >said 2>&1 || status=$?
  case $status in
    0) ;;
    69 | 77) cat said && skip "anonvma doctor says that this machine cannot record (see above)" ;;
    *) fail "doctor ended with $status" ;;
  esac
}
# The mount point of cgroup v2, or of a controller of v1; nothing if it is not mounted.
cgroup_mount() { # v2|CONTROLLER
  awk -v wanted="$1" '{
    for (i = 7; $i != "-"; i++) {}
    if (wanted == "v2" ? $(i + 1) == "cgroup2" : $(i + 1) == "cgroup" && ("," $NF ",") ~ ("," wanted ",")) {
      print $5
      exit
    }
  }' /proc/self/mountinfo
}
