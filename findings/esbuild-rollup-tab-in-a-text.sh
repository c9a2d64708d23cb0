#!/usr/bin/env bash
# esbuild 0.27.7 and rollup 4.68.8 (with @rollup/plugin-commonjs 29.0.3): a library that esbuild has built with `lineLimit` gives other
# texts after rollup has bundled it. esbuild keeps the limit inside texts too: it ends a line with a backslash, and the text goes on in the
# next line. rollup wraps a CommonJS module in a function and indents its lines, also this one, so the text has a tab.
# Printed: what the library says by itself, and in the bundle.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund esbuild@0.27.7 rollup@4.68.8 @rollup/plugin-commonjs@29.0.3 >/dev/null

mkdir library
cat >library/source.js <<'JS'
exports.advice = 'the server closed the connection, so look into its log before you try once more'
JS
cat >program.cjs <<'JS'
console.log(JSON.stringify(require('./library/built.cjs').advice))
JS
npx esbuild library/source.js --format=cjs --line-limit=40 --outfile=library/built.cjs --log-level=error
npx rollup program.cjs --plugin commonjs --format cjs --file bundle.cjs --silent

alone=$(node program.cjs)
bundled=$(node bundle.cjs)
echo "by itself:     $alone"
echo "in the bundle: $bundled"
[[ $alone != *'\t'* ]] || { echo 'the text of the library has a tab by itself' >&2; exit 1; }
[[ $bundled == *'\t'* && ${bundled//'\t'/} == "$alone" ]] || { echo 'the behaviour has changed' >&2; exit 1; }
