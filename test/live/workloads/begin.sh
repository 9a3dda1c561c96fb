# Usage: source begin.sh [PROGRAM...]
# The begin of every workload: exits with 77 if one of its programs is missing, and makes a folder of its
# own, removed at the end.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
for program in "$@"; do
  if ! command -v "$program" >/dev/null; then
    echo "skipped: no $program here"
    exit 77
  fi
done
# shellcheck disable=SC2034  # the folder of the workload's own sources
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# build NAME: compiles NAME.cpp of this folder unless it is built already, and prints the program's path.
build() {
  g++ -std=c++20 -O1 -I"$here/../../.." -o "./$1" "$here/$1.cpp" -lpthread && echo "./$1"
}
fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}
# limited SECONDS WORKERS OPS STRESSOR...: stressors of stress-ng, each with WORKERS workers, ended by the
# first limit. `options` holds more options, and `as` a command that runs it as another user. Stressors
# that fill the file system (resources, forkheavy) must not be used here.
options=()
as=()
limited() {
  local seconds=$1 workers=$2 ops=$3 stressor status=0 all=()
  shift 3
  for stressor in "$@"; do all+=("--$stressor" "$workers" "--$stressor-ops" "$ops"); done
  "${as[@]}" stress-ng --quiet --seed 1 --temp-path "$dir" --timeout "$seconds" "${all[@]}" \
    "${options[@]}" || status=$?
  case $status in
    0 | 3 | 4) ;; # 3 and 4: resources were missing, or a stressor does not exist here
    *) fail "stress-ng $* ended with $status" ;;
  esac
}
