#!/usr/bin/env bash
# Usage: setup_test.sh SETUP
# Runs scripts/setup with an apt-get and a dpkg-query that keep lists of names, and with no other program
# in PATH that could install anything.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/scripts"
setup=$dir/scripts/setup
cp "$1" "$setup"
for tool in bash env cat cp grep mktemp rm sed; do ln -s "$(command -v "$tool")" "$dir/bin/$tool"; done
program() { # NAME, its text on stdin
  cat >"$dir/bin/$1"
  chmod +x "$dir/bin/$1"
}
program npm </dev/null
program ../scripts/fetch-charts <<<"#!/bin/sh
cp '$dir/installed' '$dir/fetched'" # has a test of its own
program id <<<"#!/bin/sh
cat '$dir/uid'"
program dpkg-query <<<"#!/bin/sh
for name; do :; done
if grep -qxF -- \"\$name\" '$dir/installed'; then printf installed; else exit 1; fi"
# Installs like apt-get: all packages of a command, or none.
program apt-get <<END
#!/usr/bin/env bash
echo "\$*" >>'$dir/calls'
words=() verb=
for word; do
  case \$word in
    -* | DPkg::*) ;;
    *) if [ -z "\$verb" ]; then verb=\$word; else words+=("\$word"); fi ;;
  esac
done
if [ "\$verb" = update ]; then
  [ ! -e '$dir/mirror_fails' ] || { echo 'E: The repository is out of step'; exit 100; }
  exit 0
fi
for word in "\${words[@]}"; do
  grep -qxF -- "\$word" '$dir/offered' || { echo "E: Unable to locate package \$word"; exit 100; }
done
printf '%s\n' "\${words[@]}" >>'$dir/installed'
END

packages() { sed -n "/^$1=(/,/)/p" "$setup" | sed "s/^$1=(//; s/)//" | tr -s ' ' '\n' | sed '/^$/d'; }
packages required >"$dir/required"
packages optional >"$dir/optional"
grep -qx cmake "$dir/required"
grep -qx clang "$dir/optional"

begin() { # a machine where everything required is installed, and the mirror offers everything
  rm -f "$dir/mirror_fails"
  echo 0 >"$dir/uid"
  cp "$dir/required" "$dir/installed"
  cat "$dir/required" "$dir/optional" >"$dir/offered"
}
without() { sed -i "/^$2\$/d" "$dir/$1"; } # LIST PACKAGE
fail() {
  echo "$case: $*"
  cat "$dir/calls" "$dir/err"
  exit 1
}
run() { # NAME STATUS
  local status=0
  case=$1
  : >"$dir/calls"
  rm -f "$dir/fetched"
  PATH=$dir/bin "$setup" >"$dir/out" 2>"$dir/err" || status=$?
  [ "$status" -eq "$2" ] || fail "status $status instead of $2"
}
says() { grep -q -- "$1" "$dir/err" || fail "does not say: $1"; }
lines() { [ "$(wc -l <"$dir/err")" -eq "$1" ] || fail "does not print $1 lines"; }
has() { grep -qx -- "$1" "$dir/installed" || fail "$1 is not installed"; }

begin
cat "$dir/optional" >>"$dir/installed"
run "everything is there" 0
lines 0
[ ! -s "$dir/calls" ] || fail "apt-get was called"
[ -e "$dir/fetched" ] || fail "the chart library was not fetched"

begin
run "everything can be had" 0
lines 0
has clang

begin
touch "$dir/mirror_fails"
without installed cmake
run "the mirror is out of step, and its old lists do" 0
says '^setup: warning: apt-get update failed.*out of step'
lines 1
has cmake

begin
touch "$dir/mirror_fails"
: >"$dir/offered"
run "nothing can be had, and nothing required is missing" 0
says '^setup: warning: going on without clang '
lines 2

begin
without installed cmake
without offered stress-ng
run "one optional package cannot be had" 0
says '^setup: warning: going on without stress-ng: E: Unable to locate package stress-ng$'
lines 1
has cmake
has clang

begin
without installed cmake
without installed ninja-build
without offered cmake
run "a required package cannot be had" 1
says '^setup: these packages are required and could not be installed: cmake: E: .* package cmake$'
lines 1
has ninja-build
[ ! -e "$dir/fetched" ] || fail "goes on without a required package"

begin
rm "$dir/bin/npm"
echo npm >>"$dir/offered"
run "npm is missing, and comes before the chart library" 0
lines 0
grep -qx npm "$dir/fetched" || fail "the chart library was fetched without npm"
program npm </dev/null

begin
echo 1000 >"$dir/uid"
run "no root, and nothing required is missing" 0
says '^setup: warning: going on without .*: root or sudo is needed'
lines 1
without installed cmake
run "no root, and a required package is missing" 1
says 'required and could not be installed: cmake: root or sudo is needed'
[ ! -s "$dir/calls" ] || fail "apt-get was called"
