#!/usr/bin/env bash
# Checks the browser module: types (tsc --strict) and what is emitted of them, syntax (nothing newer than ES2018), what is
# packed, the examples of docs/browser.md, unit tests (node --test). "check.sh emit" renews the emitted types.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

npm ci --silent
npx tsc -p .

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

npx tsc -p . --noEmit false --declaration --emitDeclarationOnly --outDir "$out/types"
for file in mapae.d.ts elements.d.ts; do
	if [ "${1:-}" = emit ]; then
		cp "$out/types/$file" "$file"
	else
		diff "$out/types/$file" "$file" || { echo "$file is not what the module says: run web/sdk/check.sh emit" && exit 1; }
	fi
done

# What the compiler would rewrite for ES2018 is newer than that.
for target in ES2018 ESNext; do
	npx tsc --ignoreConfig --allowJs --noCheck --target "$target" --module ESNext --outDir "$out/$target" mapae.js elements.js page.js
done
diff -r "$out/ESNext" "$out/ES2018"

diff <(npm pack --dry-run --json 2>/dev/null | node -p 'JSON.parse(require("fs").readFileSync(0))[0].files.map(f => f.path).join("\n")') - <<-'FILES'
	README.md
	elements.d.ts
	elements.js
	mapae.d.ts
	mapae.js
	package.json
	types.d.ts
FILES

node --test
