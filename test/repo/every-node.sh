#!/usr/bin/env bash
# Runs tests under other releases of Node, each from npm: `test/repo/every-node.sh 22 24 26` for the whole suite, or with a
# part of it after `--`: `test/repo/every-node.sh 26 -- test/client test/transport`. The last lines say how each release did.
set -euo pipefail
cd "$(dirname "$0")/../.."

releases=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  releases+=("$1")
  shift
done
[ $# -eq 0 ] || shift
[ "${#releases[@]}" -gt 0 ] || releases=(20 22 24 26)

failed=0
verdicts=()
for release in "${releases[@]}"; do
  # npx puts this node first on the PATH, so that what the tests spawn runs on it too.
  if npx --yes --package "node@$release" -- sh -c 'echo "== Node $(node --version)" && exec node node_modules/vitest/vitest.mjs run "$@"' sh "$@"; then
    verdicts+=("Node $release: passed")
  else
    verdicts+=("Node $release: failed")
    failed=1
  fi
done
printf '%s\n' '' "${verdicts[@]}"
exit "$failed"
