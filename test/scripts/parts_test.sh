#!/usr/bin/env bash
# Usage: parts_test.sh TEST
# Runs scripts/test in a tree whose builds are lists of made-up tests, which the real ctest runs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/scripts" "$dir/bin"
cp "$1" "$dir/scripts/test"
program() { # PATH, its text on stdin
  cat >"$dir/$1"
  chmod +x "$dir/$1"
}
program scripts/setup <<<'#!/bin/sh'
program scripts/sysroot-arm64 <<<"#!/bin/sh
echo 'sysroot-arm64: no package mirror' >&2; exit 77"
program bin/qemu-aarch64 <<<'#!/bin/sh'
# A configuration is built when tests/CONFIGURATION.sh lists its tests.
program scripts/build <<'END'
#!/usr/bin/env bash
mkdir -p "build/$1"
. "tests/$1.sh" >"build/$1/CTestTestfile.cmake"
END
mkdir "$dir/tests"
tests() { # CONFIGURATION, its tests on stdin, as NAME = COMMAND
  local name command
  while IFS='=' read -r name command; do
    name=${name% }
    echo "cat <<'END'"
    echo "add_test([[$name]] \"/bin/sh\" \"-c\" [[$command]])"
    echo "set_tests_properties([[$name]] PROPERTIES SKIP_RETURN_CODE 77 LABELS \"${name%%_*}\")"
    echo END
  done >"$dir/tests/$1.sh"
}
run() { # STATUS ARGUMENT...
  local status=0
  (cd "$dir" && env -u ANONVMA_LIVES PATH="$dir/bin:$PATH" scripts/test "${@:2}") >"$dir/out" 2>&1 || status=$?
  [ "$status" -eq "$1" ] || fail "scripts/test ${*:2}: status $status instead of $1"
}
fail() {
  echo "$*"
  sed 's/^/| /' "$dir/out"
  exit 1
}
says() { sed -n '/^== summary/,$p' "$dir/out" | grep -qxF -- "$1" || fail "the summary does not say: $1"; }
last() { [ "$(tail -n 1 "$dir/out")" = "$1" ] || fail "the last line is not: $1"; }

# Every part runs, and failed tests are named.
tests release <<'END'
unit.a test (of two words) = exit 0
unit.b test (of three) = echo '99% tests passed, 0 tests failed out of 9'; exit 3
live.c = echo one; echo 'skipped: no root'; exit 77
live.d = printf 'skipped: no root'; exit 77
long_e = exit 1
END
tests asan <<'END'
unit.f = exit 0
END
run 1
says 'release: FAILED (1 of 4 tests)'
says '  failed: unit.b test (of three)'
says '  not run: live.c live.d: skipped: no root'
says 'asan: passed (1 tests, 0 of them skipped)'
says 'arm64: skipped: sysroot-arm64: no package mirror'
last '2 passed, 1 failed, 3 skipped'

# `all` runs the long tests, too, and plays all lives under sanitizers.
tests asan <<'END'
unit.f = test "$ANONVMA_LIVES" = all
END
run 1 all
says '  failed: long_e'
says 'asan: passed (1 tests, 0 of them skipped)'
says 'arm64-unit: skipped: sysroot-arm64: no package mirror'
last '2 passed, 2 failed, 3 skipped'
run 1 asan
says '  failed: unit.f'
last '0 passed, 1 failed, 0 skipped'

# A part that does not build, or has no tests, failed; the other parts go on.
echo 'exit 1' >"$dir/tests/release.sh"
run 1 release asan
says 'release: FAILED: it does not build'
last '0 passed, 2 failed, 0 skipped'
tests release </dev/null
run 1 release
last '0 passed, 1 failed, 0 skipped'

# Everything passes; everything is skipped.
tests release <<'END'
unit.a = exit 0
live.b = exit 0
live.c = exit 77
END
run 0 release
last '2 passed, 0 failed, 1 skipped'
run 1 arm64
last '0 passed, 0 failed, 1 skipped'

# Repeated, with a test that fails in two rounds of three and another that fails in one.
tests release <<'END'
unit.a = exit 1
live.b = exit 0
live.c = echo >>c; test $(wc -l <c) -eq 2
live.d = echo >>d; test $(wc -l <d) -ne 2
END
run 1 --repeat 3 live
says 'live.c: failed in 2 of 3 rounds'
says 'live.d: failed in 1 of 3 rounds'
last '6 passed, 3 failed, 0 skipped'
run 0 --repeat 2 live.b
last '2 passed, 0 failed, 0 skipped'
run 1 --repeat 2 nothing
run 2 --repeat live
