#!/usr/bin/env bash
# Checks the browser module: types (tsc --strict), syntax (nothing newer than ES2018), unit tests (node --test).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

npm ci --silent
npx tsc -p .

# What the compiler would rewrite for ES2018 is newer than that.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for target in ES2018 ESNext; do
	npx tsc --ignoreConfig --allowJs --noCheck --target "$target" --module ESNext --outDir "$out/$target" mapae.js page.js
done
diff -r "$out/ESNext" "$out/ES2018"

node --test
