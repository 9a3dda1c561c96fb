#!/usr/bin/env bash
# Usage: links_test.sh CHECK-LINKS
# A checker that finds nothing proves nothing: one page with good links, then one broken link at a time.
set -euo pipefail
check=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/cmd"
cat >"$tree/cmd/README.md" <<'END'
# Exit status, `of` all

```
# no heading
```
END

page() { # LINK
  printf '# Title\n\nSee [here](%s).\n' "$1" >"$tree/README.md"
}
for good in cmd/README.md 'cmd/README.md#exit-status-of-all' '#title' https://example.org/x; do
  page "$good"
  "$check" "$tree"
done
for bad in cmd/other.md 'cmd/README.md#exit' 'cmd/README.md#no-heading' '#other'; do
  page "$bad"
  if "$check" "$tree" >"$tree/found"; then
    echo "not noticed: $bad"
    exit 1
  fi
  grep -qF 'README.md:3:' "$tree/found"
done
