#!/usr/bin/env bash
# Usage: layers_test.sh CHECK-LAYERS
# A checker that finds nothing proves nothing: plants one wrong include at a time.
set -euo pipefail
check=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

plant() { # FILE INCLUDE, wrong
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{engine/{trace,slab,strategy,vma,replay,report},cmd,tracers/{bpf,load,convert,kernel},test/{unit,support}}
  echo '#include "engine/result.h"' >"$tree/engine/trace/good.cpp"
  if ! "$check" "$tree" >/dev/null; then
    echo "a good tree was refused"
    exit 1
  fi
  echo "#include $2" >"$tree/$1"
  if "$check" "$tree" >"$tree/found"; then
    echo "not noticed: $1 includes $2"
    exit 1
  fi
  grep -qF "$1:1:" "$tree/found"
}
plant engine/trace/x.cpp '"engine/vma/kernel_rules.h"'
plant engine/trace/x.h '"cmd/commands.h"'
plant engine/slab/x.cpp '"engine/strategy/strategy.h"'
plant engine/strategy/x.cpp '"engine/trace/event.h"'
plant engine/vma/x.cpp '"engine/replay/replay.h"'
plant engine/replay/x.cpp '"engine/report/rows.h"'
plant engine/report/x.cpp '"engine/vma/kernel_rules.h"'
plant engine/x.h '"tracers/records.h"'
plant tracers/x.cpp '"engine/strategy/strategy.h"'
plant tracers/bpf/x.bpf.h '"tracers/load/settings.h"'
plant tracers/bpf/y.bpf.h '"tracers/bpf/fallback/settings.bpf.h"'
plant tracers/kernel/x.cpp '"tracers/convert/order.h"'
plant tracers/load/x.cpp '"tracers/convert/walked.h"'
plant tracers/convert/x.cpp '"tracers/load/loader.h"'
plant tracers/convert/y.cpp '<bpf/bpf.h>'
plant engine/report/y.cpp '<spdlog/spdlog.h>'
plant cmd/main.cpp '<CLI/CLI.hpp>'
plant test/unit/x_test.cpp '"tracers/convert/convert.h"'
plant test/unit/x.h '"test/unit/tracers/convert/convert_pipe.h"'
plant test/support/x.h '"tracers/convert.h"'

# Seven floors of includes are allowed in tracers/bpf, and eight are too many.
rm -rf "${tree:?}"/*
mkdir -p "$tree"/engine "$tree"/cmd "$tree"/tracers/bpf
: >"$tree/tracers/bpf/1.bpf.h"
for floor in 2 3 4 5 6 7; do
  echo "#include \"tracers/bpf/$((floor - 1)).bpf.h\"" >"$tree/tracers/bpf/$floor.bpf.h"
done
"$check" "$tree"
echo '#include "tracers/bpf/7.bpf.h"' >"$tree/tracers/bpf/8.bpf.h"
if "$check" "$tree" >"$tree/found"; then
  echo "not noticed: eight floors of includes"
  exit 1
fi
grep -qF "8.bpf.h: 8 floors" "$tree/found"
