#!/usr/bin/env bash
# Usage: tables.sh PROGRAM list | print NAME [OPTION...] | check NAME | complete | threads
# The program's output on the bundled sample against test/golden/expected; tables.txt names the command of
# each file. Exits with 77 if there is no sample.
#   list     the names of all tables
#   print    the present output of a table, with further options
#   check    compares the output, and checks the columns of its format
#   complete every expected table has a command, and every command an expected table
#   threads  every comparison is the same with any number of threads
set -euo pipefail
program=$(realpath "$1") command=$2
cd "$(dirname "$0")/../.." # relative paths: no table holds the path of this tree
tables=test/golden/tables.txt
expected=test/golden/expected
sample=traces/samples/compile.trace
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export LC_ALL=C.UTF-8 # plots depend on it

if [ ! -f "$sample" ]; then
  echo "skipped: $sample does not exist"
  exit 77
fi

list() { cut -d ' ' -f 1 "$tables"; }

print() { # NAME [OPTION...]
  local words
  words=$(grep "^$1 " "$tables") || {
    echo "$1 is not in $tables" >&2
    return 2
  }
  read -ra words <<<"${words//SAMPLE/$sample}"
  case $1 in
    *.sha256) "$program" "${words[@]:1}" "${@:2}" | sha256sum | cut -d ' ' -f 1 ;; # too long to keep
    *) "$program" "${words[@]:1}" "${@:2}" ;;
  esac
}

too_wide() { # COLUMNS
  if awk -v columns="$1" 'length > columns' "$out" | grep .; then
    echo "lines over $1 columns"
    return 1
  fi
}
too_long() { # LINES
  if [ "$(wc -l <"$out")" -gt "$1" ]; then
    echo "more than $1 lines"
    return 1
  fi
}
shape() { # NAME
  case $1 in
    strategies.txt) ;; # one strategy, one line
    brief_*.txt) too_wide 80 ;;
    *.txt) too_wide 100 ;;
    *.lkml) too_wide 75 ;;
  esac
  case $1 in
    brief_asked.txt | brief_several.txt) ;; # an option asks for more
    brief_all.txt) too_long 30 ;;           # 14 strategies
    brief_*.txt) too_long 24 ;;
  esac
  case $1 in
    *.txt | *.lkml)
      if LC_ALL=C grep -nv '^[ -~]*$' "$out"; then
        echo 'not printable ASCII'
        return 1
      fi
      if grep -n ' $' "$out"; then
        echo 'blanks at the end of a line'
        return 1
      fi
      ;;
  esac
}

check() { # NAME
  print "$1" >"$out"
  diff -u --label "expected/$1" --label "$1 now" "$expected/$1" "$out"
  shape "$1"
}

complete() { diff -u --label tables.txt --label expected <(list | sort) <(ls "$expected"); }

# The command is part of most tables: only that line may differ.
without_command() { sed -e '/^command /,/^verified /{/^verified /!d}' -e '/^- command:/d' -e '/"command":/d'; }
threads() {
  local name n
  grep ' compare ' "$tables" | while read -r name _; do
    for n in 1 3; do
      print "$name" --threads "$n" | without_command >"$out"
      diff -u --label "expected/$name" --label "$name by $n threads" \
        <(without_command <"$expected/$name") "$out"
    done
  done
}

"$command" "${@:3}"
