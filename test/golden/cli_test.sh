#!/usr/bin/env bash
# Usage: cli_test.sh help|usage|files|of_the_future|sample|anonymize|cut|dump|pipes|screens|pager|look|exports|perfetto|report PROGRAM SAMPLE
# The program's promises about bad input: the exit status of cmd/README.md, and one line on stderr
# that names the culprit. Exits with 77 when it cannot run here.
set -euo pipefail
group=$1 anonvma=$(realpath "$2") sample=$(realpath "$3")
newer=$(realpath "$(dirname "$0")")/newer.trace
checker=$(realpath "$(dirname "$0")")/trace_event_format.py
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
failures=0

complain() {
  echo "FAILED: $*"
  sed 's/^/  stderr: /' err
  failures=$((failures + 1))
}
# expect STATUS PATTERN ARGS...: one line on stderr that contains PATTERN; none if PATTERN is empty.
expect() {
  local status=$1 pattern=$2 got=0
  shift 2
  "$anonvma" "$@" >out 2>err || got=$?
  [ "$got" = "$status" ] || complain "status $got instead of $status: $*"
  if [ -z "$pattern" ]; then
    [ ! -s err ] || complain "stderr is not empty: $*"
  elif [ "$(wc -l <err)" != 1 ] || ! grep -qF -- "$pattern" err || ! grep -q '^anonvma: ' err; then
    complain "no single line with '$pattern': $*"
  fi
}
# Every subcommand that reads a trace.
expect_of_readers() { # STATUS PATTERN FILE
  expect "$1" "$2" info "$3" --full
  expect "$1" "$2" dump "$3"
  expect "$1" "$2" dump "$3" --json
  expect "$1" "$2" replay "$3" --strategy num-children
  expect "$1" "$2" anonymize "$3" -o copy --force
  expect "$1" "$2" cut "$3" -o copy --force
  expect "$1" "$2" compare "$3" --json
  expect "$1" "$2" report "$3" -o page.html --force
  expect "$1" "$2" compare "$3" --strategies all
  expect "$1" "$2" map "$3"
  expect "$1" "$2" explain "$3" --json
  expect "$1" "$2" export "$3" --perfetto
}

word() { # N: a little-endian word of four bytes, N below 256
  printf "%b" "\\x$(printf %02x "$1")\\0\\0\\0"
}
crc32() { gzip -c | tail -c 8 | head -c 4; }

help() {
  local command
  expect 0 '' --version
  grep -q '^anonvma [0-9]' out || complain 'no version'
  expect 0 '' --help
  for command in doctor record info check repair dump cut anonymize replay compare verify map explain export vectors \
    strategies rules report; do
    expect 0 '' "$command" --help
    grep -q '^Examples\?:' out || complain "no example in the help of $command"
    grep -q "anonvma $command" out || complain "the examples of $command show something else"
  done
  expect 0 '' strategies
  expect 0 '' strategies --json
  expect 0 '' rules
  expect 0 '' rules --json
}

usage() {
  local known=num-children
  touch file
  expect 2 'subcommand is required'
  expect 2 "'nonesuch'" nonesuch
  expect 2 "'comapre'; did you mean 'compare'?" comapre
  expect 2 "did you mean '--strategies'?" compare file --strategeis all
  expect 2 "did you mean 'markdown'?" compare file --format markdwon
  expect 2 "did you mean 'legacy'?" compare file --strategies legcay
  expect 2 "did you mean 'merge'?" compare file --strategies lazy-v1:mrege=base
  expect 2 "did you mean 'base'?" compare file --strategies lazy-v1:merge=bsae
  expect 2 "did you mean 'anon_vma'?" compare file --objsize anon_vam=128
  expect 2 "did you mean 'num-children'?" strategies num-childern
  expect 2 "did you mean 'self_merge'?" rules self_mreg
  expect 2 "did you mean 'never'?" compare file --color nevre
  expect 2 'FILE' compare
  expect 2 'excludes --pid and a command' record --cgroup a --pid 1
  expect 2 'excludes --pid and a command' record --cgroup a -- true
  expect 2 'an empty path names no cgroup' record --cgroup ''
  expect 2 '--nonesuch' compare file --nonesuch
  expect 2 "$known" compare file --strategies nonesuch
  expect 2 "$known" compare file --strategies legacy,nonesuch
  expect 2 "$known" compare file --strategies ''
  expect 2 "$known" compare file --baseline nonesuch
  expect 2 "'nonesuch'" compare no-such-file --strategies nonesuch
  expect 2 "$known" replay file --strategy all
  expect 2 '--strategy' replay file
  expect 2 'xml not in {text,markdown,lkml,csv,json}' compare file --format xml
  expect 2 '--at' compare file --at -1
  expect 2 "'x'" compare file --at x
  expect 2 '--at' compare file --at nan
  expect 2 'nobody not in {comm,mm,name,cgroup}' compare file --by nobody
  expect 2 '--top' compare file --top 0
  expect 2 'known are vm_area_struct anon_vma_chain anon_vma' compare file --objsize foo=1
  expect 2 "'x' is no object size of anon_vma" compare file --objsize anon_vma=x
  expect 2 'write CACHE=BYTES' compare file --objsize anon_vma
  expect 2 "'0'" compare file --objsize anon_vma=0
  expect 2 "'-8'" replay file --strategy legacy --objsize anon_vma=-8
  expect 2 '--era-accurate' compare file --era-accurate --rules 6.18.16
  expect 2 'it has merge fork' compare file --strategies lazy-v1:nonsense=1
  expect 2 'there are never base' compare file --strategies lazy-v1:merge=x
  expect 2 'there are never base' replay file --strategy lazy-v1:merge
  expect 2 'write NAME:merge=base' compare file --strategies merge=base,lazy-v1
  expect 2 'no parameters' compare file --strategies noswap:x=y
  expect 2 'no parameters' compare file --baseline noswap:x=y
  expect 2 "$known" compare file --baseline all
  expect 2 "$known" compare file --baseline legacy,num-children
  expect 2 "$known" compare file --strategies legacy,
  expect 2 '--threads' compare file --threads 0
  expect 2 'nonesuch not in {sum,vm_area_struct,' compare file --plot --of nonesuch
  expect 2 '--format excludes --plot' compare file --plot --format lkml
  expect 2 '--by excludes --plot' compare file --plot --by mm
  expect 2 '--of requires --plot' compare file --of sum
  expect 2 '--ascii requires --plot' compare file --ascii
  expect 2 '--output' report file
  expect 2 'pdf not in {html,svg}' report file -o page --format pdf
  expect 2 "$known" report file -o page --strategies nonesuch
  expect 74 'no-such-file' report no-such-file -o page
  [ ! -e page ] || complain 'a report without a trace leaves a file'
  expect 2 'FILE' check
  expect 2 '--most' check file --most 0
  expect 2 '--output' repair file
  expect 2 'is the damaged file itself' repair file -o ./file --force
  expect 2 '--from' dump file --from x
  expect 2 '--from is behind --to' dump file --from 2 --to 1
  expect 2 '--mm' dump file --mm x
  expect 2 '--output' cut file
  expect 2 '--to' cut file -o out --to -1
  expect 2 '--from is behind --to' cut file -o out --from 2 --to 1
  expect 2 '--output' anonymize file
  expect 2 '--key' anonymize file -o out --key a --key-file b
  expect 2 'the key is empty' anonymize file -o out --key ''
  expect 74 'no-such-key' anonymize file -o out --key-file no-such-key
  expect 2 '--faults' record --faults some
  expect 2 '--duration' record --duration 0
  expect 2 '--duration' record --duration nan
  expect 2 '--pid' record --pid 0
  expect 2 '--ring-mib' record --ring-mib 3
  expect 2 'behind --' record --
  expect 2 '--rotate-size' record --rotate-size 0
  expect 2 '--rotate-size' record --rotate-size 5T
  expect 2 '--rotate-time' record --rotate-time 5x
  expect 2 '--max-size' record --max-size -1
  expect 2 '--keep' record --keep 3
  expect 2 '--keep' record --keep 0 --rotate-time 5
  expect 2 '--flight' record --flight 5 --rotate-time 3
  expect 2 '--flight' record --trigger-once
  expect 2 '--flight' record --flight 0
  expect 2 'anon_vma=20%' record --flight 5 --trigger-slab anon_vma=20%
  expect 2 'FILE is required, or --live' map
  expect 2 'leave out FILE' map file --live
  expect 2 'say what --live records' explain file --pid 1
  expect 2 '--live' explain file --duration 1
  expect 2 'give --mm, too' map file --diff legacy
  expect 2 'give --mm, too' map file --format svg
  expect 2 "$known" map file --mm 1 --strategy nonesuch
  expect 2 "'x'" map file --at x
  expect 2 '--json' map file --json --format svg
  expect 2 '--mm' explain file --mm 1 --anon-vma 2
  expect 2 '--largest' explain file --largest 0
  expect 2 '--largest' explain file --largest 3 --anon-vma 1
  expect 2 'choose --csv, --json, --perfetto or --sqlite' export file
  expect 2 'name its file with -o' export file --sqlite
  expect 2 '--json' export file --csv --json
  expect 2 'nonesuch' strategies nonesuch
  expect 2 'nonesuch' rules nonesuch
  expect 2 '--release' rules --release nonesuch
}

files() {
  : >empty
  echo 'this is no trace' >text
  { printf '\x89anonvma' && word 255 && word 0 && word 0; } >preamble
  { cat preamble && crc32 <preamble; } >newer # its checksum is right: only the version is unknown
  expect_of_readers 65 'empty' empty
  expect_of_readers 65 'text' text
  expect_of_readers 65 'newer' newer
  expect 65 'version 255' info newer
  for file in empty text newer; do
    expect 65 "$file" check "$file"
    expect 65 "$file" repair "$file" -o out.trace
    [ ! -e out.trace ] || complain "repair of $file left a file"
  done
  expect 74 'no-such-file' check no-such-file
  expect 74 'no-such-file' repair no-such-file -o out.trace
  expect_of_readers 74 'no-such-file' no-such-file
  expect_of_readers 74 "$dir" "$dir"
  # Two bad files give two lines; the status is the first one that applies.
  local got=0
  "$anonvma" compare no-such-file text >out 2>err || got=$?
  [ "$got" = 65 ] || complain "status $got instead of 65 for two bad files"
  [ "$(wc -l <err)" = 2 ] || complain 'two bad files, and not two lines'
}

# check reports the damage, and repair saves the rest, which has no findings.
repaired() { # FILE
  expect 65 '' check "$1"
  grep -q "^$1: chunk [0-9]* (0x[0-9a-f]*): " out || complain "check does not say where $1 is damaged"
  expect 65 '' check "$1" --json
  grep -q '"schema": "anonvma.check/1"' out || complain 'no schema'
  expect 3 '' repair "$1" -o "$1.saved"
  expect 74 '--force' repair "$1" -o "$1.saved"
  expect 3 '' repair "$1" -o "$1.saved" --force --json
  grep -q '"schema": "anonvma.repair/1"' out || complain 'no schema'
  expect 3 '' check "$1.saved"
  expect 0 '' info "$1.saved"
  grep -q '^started .*repaired: ' out || complain "info does not say that $1.saved was repaired"
  expect 0 '' info "$1.saved" --full
  grep -q '^repaired' out || complain "info --full does not say that $1.saved was repaired"
  for option in '' --full; do # a word of the last one differs: whether all was read
    expect 0 '' info "$1.saved" --json $option
    grep -v '"full":' out >json"$option"
  done
  cmp -s json json--full || complain "info of $1.saved differs with --full"
  expect 3 '' compare "$1.saved" --strategies num-children
  grep -q '^DATA LOSS' out || complain "the table of $1.saved does not tell of the loss"
}

# A trace of a later program: two records of an unknown type, an unknown chunk, a compat bit, an unknown
# key. All of it can be read, and the output says that something was skipped.
of_the_future() {
  local skipped='3 records or chunks of unknown kinds skipped'
  ln -s "$newer" newer.trace
  for option in '' --full; do
    expect 0 '' info newer.trace $option
    grep -q '^skipped .*2 records and 1 chunks of kinds newer' out || complain "info $option"
    grep -q '^compat bits *0x4, which this program does not know' out || complain "info $option"
    grep -q '^events *5$\|^newer.trace: 5 events' out || complain "info $option"
  done
  expect 0 '' info newer.trace --json
  grep -q '"skipped_records": 2' out || complain 'info --json'
  expect 0 '' check newer.trace --full
  grep -q 'skipped 1 chunks and 2 records .*, unknown compat bits 0x4' out || complain 'check'
  expect 0 '' compare newer.trace --strategies num-children
  grep -q "$skipped" out || complain 'compare'
  expect 0 '' replay newer.trace --strategy num-children
  grep -q "$skipped" out || complain 'replay'
  "$anonvma" verify newer.trace | tr -s " \n" " " | grep -q "$skipped" || complain 'verify'
  expect 0 '' repair newer.trace -o newer.saved
  expect 0 '' info newer.saved
  grep -q '^skipped .*2 records and 1 chunks' out || complain 'repair drops what is newer'
}

# A trace that is cut or changed at any place gives the table up to the damage and names that place.
damaged() { # FILE
  expect_of_readers 65 "$1" "$1"
  expect 65 "$1" compare "$1" --strategies num-children
  grep -q '^DAMAGED' out || complain "the table of $1 does not tell of the damage"
  grep -q ' anon_vmas ' out || complain "no table up to the damage of $1"
}

need_sample() {
  if [ ! -f "$sample" ]; then
    echo "skipped: $sample does not exist"
    exit 77
  fi
  ln -s "$sample" sample.trace # a short name: no line of a table wraps because of it
  sample=sample.trace
}

# JSON of a table without names, which must differ between a trace and its copy.
numbers() { # ARGS...
  "$anonvma" "$@" --json | grep -v '^ *"\(path\|hash\|command\|comm\)":'
}
# Compares the output of a command for two files.
same_numbers() { # FILE FILE COMMAND ARGS...
  numbers "$3" "$1" "${@:4}" >a.json
  numbers "$3" "$2" "${@:4}" >b.json
  [ -s a.json ] || complain "no numbers: ${*:3}"
  cmp -s a.json b.json || complain "$1 and $2 differ: ${*:3}"
}
# A copy is private, and belongs to the user who called sudo.
private() { # COMMAND FILE
  rm -f mine
  "$anonvma" "$@" -o mine 2>err || complain "failed: $*"
  [ "$(stat -c %a mine)" = 600 ] || complain "mode $(stat -c %a mine): $*"
  [ "$(id -u)" = 0 ] || return 0
  rm -f mine
  SUDO_UID=4242 SUDO_GID=4243 "$anonvma" "$@" -o mine 2>err || complain "failed: $*"
  [ "$(stat -c %u:%g mine)" = 4242:4243 ] || complain "owner $(stat -c %u:%g mine): $*"
}
# Rules for the output of every command that writes a trace.
output_rules() { # COMMAND
  cp "$sample" source
  touch taken
  expect 74 'file exists' "$1" source -o taken
  expect 2 'is the source itself' "$1" source -o source --force
  ln -s source link
  expect 2 'is the source itself' "$1" source -o link --force
  cmp source "$sample" || complain "$1 has changed its source"
  expect 74 'No such file' "$1" source -o nowhere/copy
  private "$1" source
  head -c $(($(stat -c %s source) / 2)) source >half
  expect 65 'half' "$1" half -o copy --force
  expect 65 'copy' info copy # the copy is as incomplete as the source
}

anonymize() {
  need_sample
  output_rules anonymize
  expect 0 '' anonymize "$sample" -o copy --key k --force
  expect 0 '' anonymize "$sample" -o again --key k
  cmp copy again || complain 'one key, two copies'
  printf k >key
  expect 0 '' anonymize "$sample" -o again --key-file key --force
  cmp copy again || complain 'a key from a file is another one'
  expect 0 '' anonymize "$sample" -o again --force
  if cmp -s copy again; then complain 'a random key is always the same'; fi
  same_numbers "$sample" copy compare --strategies all
  same_numbers "$sample" copy compare --strategies all --check-reach --at 1
  same_numbers "$sample" copy compare --slub --strategies cow-context:remaps=prototype,lazy-v1:merge=base
  same_numbers "$sample" copy replay --strategy num-children
  same_numbers "$sample" copy verify
  "$anonvma" dump "$sample" | tr ' ' '\n' | sort -u >before
  "$anonvma" dump copy | tr ' ' '\n' | sort -u >after
  if comm -12 before after | grep '^comm=.'; then complain 'a name is left'; fi
  if comm -12 before after | grep -E '^(addr|ret|brk|old_brk|start|end)=0x[0-9a-f]{6,}'; then
    complain 'an address is left'
  fi
  expect 0 '' info copy --full
  grep -q '^anonymized ' out || complain 'info does not tell'
  if grep -E '^(command  |started ) *' out | grep -v unknown; then complain 'the header tells more'; fi
}

# Objects of the own strategy at a moment of a table, cache by cache.
objs() { # MOMENT FILE ARGS...
  "$anonvma" compare "${@:2}" --strategies num-children --format csv |
    awk -F, -v moment="$1" '$6 == moment && $31 == "" { print $5, $8 }'
}

cut() {
  need_sample
  output_rules cut
  expect 2 'behind the last event' cut "$sample" -o s --from 100000
  local at
  for at in 0.2 0.5 1; do
    "$anonvma" cut "$sample" -o first --to $at --force 2>err || complain "cut --to $at"
    "$anonvma" cut "$sample" -o rest --from $at --force 2>err || complain "cut --from $at"
    expect 0 '' verify first
    expect 0 '' verify rest
    objs at "$sample" --at $at >whole
    objs end first | cmp - whole || complain "another state at the end of a slice: $at"
  done
  "$anonvma" cut "$sample" -o middle --from 0.5 --to 1 2>err || complain 'cut --from --to'
  grep -q 'address spaces at the start' err || complain 'no word about what was cut'
  objs end middle | cmp - whole || complain 'another state at the end of the middle'
  expect 0 '' info middle --full
  grep -q '^slice  *0\.[0-9]* s to ' out || complain 'info does not tell'
  expect 0 '' compare middle
  grep -q '^slice: ' out || complain 'the table does not tell'
  grep -q '^approximate: ' out || complain 'the table does not tell of other designs'
}

dump() {
  need_sample
  expect 0 '' dump "$sample"
  grep -v '^#' out >all
  expect 0 '' dump "$sample" --from 0.5 --to 1
  awk '$1 >= 0.5 && $1 <= 1' all | cmp - <(grep -v '^#' out) || complain 'another window'
  [ "$(wc -l <out)" -gt 1000 ] || complain 'an empty window'
  expect 0 '' dump "$sample" --mm 3
  grep -E ' mm=3 | (child|old_mm|by)=3( |$)' all | cmp - <(grep -v '^#' out) || complain 'another mm'
  local name=cc1plus
  expect 0 '' dump "$sample" --comm $name
  [ "$(grep -o 'comm=[^ ]*' out | sort -u)" = "comm=$name" ] || complain "not $name alone"
  [ "$(grep -c ' snapshot ' out)" = "$(grep -c "comm=$name" all)" ] || complain 'execs are missing'
  mv out whole
  expect 0 '' dump "$sample" --comm $name --from 0.5
  awk '/^#/ || $1 >= 0.5' whole | cmp - out || complain 'a window of a comm'
  expect 0 '' dump "$sample" --comm nobody
  [ "$(wc -l <out)" = 1 ] || complain 'nobody did something'
  # Without its index the trace is read from the start to the end of the window.
  head -c -30 "$sample" >headless
  expect 0 'reading it from the start' dump headless --from 0.5 --to 0.6
  awk '$1 >= 0.5 && $1 <= 0.6' all | cmp - <(grep -v '^#' out) || complain 'another window without an index'
}

sample() {
  need_sample
  local size
  size=$(stat -Lc %s "$sample")
  head -c $((size / 2)) "$sample" >truncated
  damaged truncated
  { head -c $((size / 2)) "$sample" && printf '\xff\x00\xff\x00' &&
    tail -c +$((size / 2 + 5)) "$sample"; } >flipped
  damaged flipped
  expect 65 truncated info truncated
  repaired truncated
  repaired flipped
  expect 0 '' check "$sample"
  expect 0 '' repair "$sample" -o whole
  expect 0 '' check "$sample" whole --json
  "$anonvma" dump "$sample" >before && "$anonvma" dump whole >after
  cmp -s before after || complain 'repair of a whole trace changes its events'
  expect 74 /dev/full repair "$sample" -o /dev/full --force
  { head -c 8 "$sample" && word 255 && head -c 20 "$sample" | tail -c 8; } >preamble
  { cat preamble && crc32 <preamble && tail -c +25 "$sample"; } >newer-trace
  expect_of_readers 65 'version 255' newer-trace

  expect 0 '' compare "$sample" --strategies all --full
  grep -v '^command' out >first
  expect 0 '' compare "$sample" --strategies all --full --threads 1
  grep -v '^command' out | cmp - first || complain 'the number of threads changes the table'
  if awk 'length > 100' out | grep .; then complain 'lines over 100 columns'; fi
  expect 2 "unknown rules 'nonsense'; known are 2.6.32" compare "$sample" --rules nonsense
  expect 0 '' compare "$sample" --strategies num-children,legacy --check-reach
  [ "$(grep -c '^reach .*: every page reachable' out)" = 2 ] || complain 'no line on the reach of each'
  expect 0 '' compare "$sample" --json
  grep -q '"schema": "anonvma.compare/1"' out || complain 'no schema'
  expect 0 '' info "$sample"
  expect 0 '' dump "$sample"
  local got=0
  "$anonvma" compare "$sample" >/dev/full 2>err || got=$?
  [ "$got" = 74 ] || complain "status $got instead of 74 on a full disk"
}

# A trace through a pipe gives what its file gives.
pipes() {
  need_sample
  local command
  for command in "compare --full --json" "replay --strategy legacy --json" "verify --json" "info --full --json" \
    dump "check --json" "compare --at 1 --by comm --json"; do
    # shellcheck disable=SC2086 # a command of several words
    "$anonvma" $command "$sample" >file 2>err || complain "$command"
    # shellcheck disable=SC2086
    "$anonvma" $command - < <(cat "$sample") >piped 2>err || complain "$command of a pipe"
    for name in file piped; do sed -i '/"path":\|"command":/d' $name; done
    cmp -s file piped || complain "$command of a pipe is another one"
  done
  "$anonvma" compare - <"$sample" >piped 2>err || complain 'compare - of a redirected file'
  grep -q '^standard input: ' piped || complain 'the table names no source'
  "$anonvma" compare <(cat "$sample") "$sample" >/dev/null 2>err || complain 'compare of a named pipe'
  for command in dump compare info check; do # a subshell would not count failures: no pipes here
    [ "$command" = check ] || # it says so on stdout
      expect 65 'standard input: ' "$command" - < <(head -c 1000 "$sample")
    expect 65 'standard input: ' "$command" - < <(printf '')
    expect 74 'neither a regular file nor a pipe' "$command" - </dev/null
  done
  TMPDIR=/nonexistent expect 74 'set TMPDIR' compare - < <(cat "$sample")
  expect 2 '-o - is one stream' record -o - --rotate-time 5
  expect 2 '-o - is one stream' record -o - --flight 5
}

lines_and_columns() { # LINES COMMAND...
  expect 0 '' "${@:2}"
  [ "$(wc -l <out)" -le "$1" ] || complain "more than $1 lines: ${*:2}"
  if awk 'length > 80' out | grep .; then complain "lines over 80 columns: ${*:2}"; fi
}
# First screens: short, without colours unless asked for, and all of it with --full.
screens() {
  need_sample
  lines_and_columns 24 compare "$sample"
  lines_and_columns 24 replay "$sample" --strategy num-children
  lines_and_columns 24 verify "$sample"
  lines_and_columns 24 info "$sample"
  lines_and_columns 24 check "$sample"
  head -c 60000 "$sample" >beginning
  expect 65 '' check beginning
  if grep -n '^$' out; then complain 'empty lines between findings'; fi
  expect 0 '' compare "$sample" --color always
  grep -q "$(printf '\033\\[3')" out || complain 'no colours'
  NO_COLOR=1 TERM=xterm expect 0 '' compare "$sample"
  if grep -q "$(printf '\033')" out; then complain 'colours in a file'; fi
  expect 0 '' compare "$sample" --full
  [ "$(wc -l <out)" -gt 60 ] || complain '--full is short'
  expect 0 '' compare "$sample" --quiet
  "$anonvma" compare "$sample" --verbose >out 2>err || complain '--verbose'
  grep -q '^anonvma: sample.trace: 164236 events' err || complain '--verbose says nothing'
}

in_terminal() { # COMMAND: of 24 lines; a slow build would show its progress on the same terminal
  SHELL=/bin/sh TERM=xterm script -qec "stty rows 24 cols 80; $* 2>err" /dev/null </dev/null | tr -d '\r' >out
}
# Long results go through $PAGER on a terminal, and only there.
pager() {
  need_sample
  command -v script >/dev/null || {
    echo 'skipped: no script(1)'
    exit 77
  }
  local command
  export PAGER="sed 's/^/paged /'"
  for command in rules 'dump sample.trace --to 0.02' 'compare sample.trace --full' 'map sample.trace --mm 459'; do
    in_terminal "$anonvma $command"
    [ "$(grep -c '^paged ' out)" -gt 24 ] || complain "no pager for $command"
    if grep -v '^paged ' out; then complain "not all of $command is paged"; fi
    in_terminal "$anonvma $command --no-pager"
    if grep '^paged ' out; then complain "a pager for $command --no-pager"; fi
    # shellcheck disable=SC2086 # a command of several words
    "$anonvma" $command >plain
    if grep '^paged ' plain; then complain "a pager for $command in a file"; fi
  done
  in_terminal "$anonvma check sample.trace"
  if grep '^paged ' out; then complain 'a pager for a line'; fi
  PAGER=no-such-pager in_terminal "$anonvma rules"
  grep -q sticky_guard out || complain 'a missing pager takes the result with it'
  PAGER=true in_terminal "$anonvma dump sample.trace" # leaves at once
  [ ! -s out ] || complain "a pager that leaves is an error: $(head -c 200 out)"
}

look() {
  need_sample
  expect 0 '' map "$sample"
  expect 2 'no mm has this number, pid or comm' map "$sample" --mm no-such-mm
  expect 2 'mms fit' map "$sample" --mm bash --at 1
  expect 2 'choose an --at between them' map "$sample" --mm 3 --at 1
  expect 2 'no mm is alive at 1000.000 s' map "$sample" --at 1000
  expect 2 'no mm is alive at 1000.000 s' explain "$sample" --at 1000
  expect 2 'was not made until then' explain "$sample" --anon-vma 99999999
  expect 2 'was freed before' explain "$sample" --anon-vma 100 --at 1
  expect 0 '' map "$sample" --mm 3 --json
  cp out number
  expect 0 '' map "$sample" --mm "pid:$(sed -n 's/^ *"pid": \([0-9]*\).*/\1/p' number)" --at 0.021 --json
  grep -q '"comm": "mktemp"' out || complain 'a pid is that of another mm'
  # Every design can be drawn and explained.
  local design
  for design in $("$anonvma" strategies --json | sed -n 's/^ *"name": "\(.*\)",$/\1/p'); do
    expect 0 '' map "$sample" --mm 3 --strategy "$design"
    grep -q '^mm 3 (' out || complain "no map of mm 3 under $design"
    expect 0 '' explain "$sample" --strategy "$design" --largest 2
  done
  expect 0 '' map "$sample" --mm 3 --format svg
  grep -q '^<svg ' out || complain 'no SVG'
}

exports() {
  need_sample
  expect 0 '' export "$sample" --csv -o series.csv
  expect 74 'file exists' export "$sample" --csv -o series.csv
  expect 0 '' export "$sample" --csv -o series.csv --force
  expect 0 '' export "$sample" --csv
  cmp out series.csv || complain 'a file and standard output differ'
  expect 0 '' export - --csv < <(cat "$sample")
  cmp out series.csv || complain 'a pipe has another series'
  expect 2 'standard input: --perfetto and --sqlite read a trace twice' export - --perfetto < <(cat "$sample")
  expect 2 'save it to a file first' export <(cat "$sample") --sqlite -o pipe.db
  [ "$(stat -c %a series.csv)" = 600 ] || complain 'a result is not private'
  local got=0
  "$anonvma" export "$sample" --sqlite -o results.db 2>err || got=$?
  if [ "$got" = 69 ]; then
    grep -q 'libsqlite3-dev' err || complain 'no word about what is missing'
    return
  fi
  [ "$got" = 0 ] || complain "status $got instead of 0: --sqlite"
  command -v python3 >/dev/null || return 0
  # A reader of its own: the peak in the database is that of the table.
  python3 - "$anonvma" "$sample" <<'END' || complain 'the database is not what the table says'
import json, sqlite3, subprocess, sys
program, sample = sys.argv[1:]
db = sqlite3.connect('results.db')
assert db.execute('pragma integrity_check').fetchone() == ('ok',)
table = json.loads(subprocess.run([program, 'compare', sample, '--json'], capture_output=True).stdout)
for design in table['strategies']:
    name = design['name']
    peak = db.execute('select sum(bytes) from moments where strategy = ? and moment = "peak_of_sum"', (name,))
    assert peak.fetchone()[0] == design['peak_of_sum']['bytes'], name
    for cache in design['caches']:
        allocs = db.execute('select allocs from caches where strategy = ? and cache = ?', (name, cache['cache']))
        assert allocs.fetchone()[0] == cache['allocs'], (name, cache)
    series = db.execute('select max(max_bytes) from sum_series where strategy = ?', (name,))
    assert series.fetchone()[0] == design['peak_of_sum']['bytes'], name
END
}

perfetto() {
  need_sample
  command -v python3 >/dev/null || {
    echo 'skipped: no python3'
    exit 77
  }
  expect 0 '' export "$sample" --perfetto
  python3 "$checker" out || complain 'the trace is not in the format that Perfetto reads'
}

report() {
  need_sample
  # Where the chart library is missing, one line says so.
  "$anonvma" report sample.trace -o page.html >out 2>err || complain 'report fails'
  grep -q '^page.html: [0-9]* KiB$' out || complain 'report does not say what it has written'
  [ "$(stat -c %s page.html)" -le 2097152 ] || complain 'the page is larger than 2 MiB'
  [ "$(wc -l <err)" = "$(grep -c 'no uPlot.*scripts/setup' err)" ] || complain 'other words on stderr'
  if grep -aoE '(src|href)=.{20}|url\(.{20}' page.html; then complain 'the page loads something'; fi
  cp page.html first.html
  expect 74 '--force' report sample.trace -o page.html
  cmp -s page.html first.html || complain 'the page was changed without --force'
  expect 2 'is the source itself' report sample.trace -o sample.trace --force
  expect 74 'no-such-folder/page' report sample.trace -o no-such-folder/page
  local svg=(report --format svg --strategies num-children)
  expect 0 '' "${svg[@]}" sample.trace sample.trace -o page.svg
  python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("page.svg")' || complain 'no XML'
  expect 0 '' "${svg[@]}" - -o - < <(cat "$sample")
  grep -q '^<svg ' out || complain 'no SVG on stdout'
  expect 74 /dev/full "${svg[@]}" sample.trace -o /dev/full --force
  local got=0
  (trap '' XFSZ && ulimit -f 8 && "$anonvma" "${svg[@]}" sample.trace -o large.svg >out 2>err) || got=$?
  [ "$got" = 74 ] || complain "status $got instead of 74 where the page does not fit"
  [ ! -e large.svg ] || complain 'a part of a page is left'
  damaged_reports
}

# The page of a damaged trace ends where the trace does. It says so, and so does the page of a loss.
damaged_reports() {
  head -c $(($(stat -Lc %s "$sample") / 2)) "$sample" >half.trace
  expect 65 'half.trace' "${svg[@]}" half.trace -o half.svg
  grep -q 'DAMAGED: ' half.svg || complain 'the page of a damaged trace does not say so'
  cp -L "$sample" hole.trace
  printf 'hole' | dd of=hole.trace bs=1 seek=$(($(stat -c %s hole.trace) / 2)) conv=notrunc status=none
  "$anonvma" repair hole.trace -o saved.trace >out 2>err || true
  expect 3 '' "${svg[@]}" saved.trace -o saved.svg
  grep -q 'LOST [0-9,]* events' saved.svg || complain 'the page of a loss does not say so'
}

"$group"
[ "$failures" -eq 0 ]
