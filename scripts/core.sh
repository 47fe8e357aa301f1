#!/usr/bin/env bash
# Holds the core of the verifier small, alone and covered: at most 2,000 lines, imports of the standard library and of the two
# strict readers only, and every statement of it and of what it reads with run by its own tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
status=0

lines=$(go list -f '{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./webauthn | xargs cat | wc -l)
echo "webauthn: $lines lines"
[ "$lines" -le 2000 ] || { echo 'more than 2,000 lines'; status=1; }

foreign=$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./webauthn | grep -v '^github.com/mapae/mapae/\(webauthn\|internal/cbor\|internal/strictjson\)$')
[ -z "$foreign" ] || { echo "webauthn imports: $foreign"; status=1; }

covered=$(go test -vet=off -cover ./webauthn ./webauthn/extension ./webauthn/mldsa ./internal/cbor ./internal/strictjson) || status=1
echo "$covered"
[ "$(grep -c 'coverage: 100.0% of statements' <<<"$covered")" -eq 5 ] || { echo 'a statement is not covered'; status=1; }
exit "$status"
