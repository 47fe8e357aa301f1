#!/usr/bin/env bash
# fuzz.sh SECONDS lets each fuzz target look for inputs that break it, one after the other, for so long.
# What it finds is written below the package's testdata/fuzz and fails every test run from then on.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
seconds=${1:?usage: scripts/fuzz.sh SECONDS}

# A target is a module, a package of it and a name.
targets=(
	'. ./webauthn FuzzJSON'
	'. ./webauthn FuzzClientData'
	'. ./webauthn FuzzAuthenticatorData'
	'. ./internal/cbor FuzzRead'
	'. ./webauthn FuzzCOSE'
	'. ./webauthn FuzzAttestation'
	'. ./internal/seal FuzzSeal'
	'oracle . FuzzDifferential'
)

status=0
for target in "${targets[@]}"; do
	read -r module package name <<<"$target"
	if ! log=$(go test -C "$module" -vet=off -run='^$' -fuzz="^$name\$" -fuzztime="${seconds}s" "$package" 2>&1); then
		printf '%s\n' "$log" | tail -n 40
		status=1
		continue
	fi
	# The last line of progress tells how many inputs were run.
	execs=$(grep -oE 'execs: [0-9]+' <<<"$log" | tail -n 1 | cut -d ' ' -f 2)
	printf '%-14s %-22s proven: %s\n' "$package" "$name" "${execs:-0}"
	[ "${execs:-0}" -gt 0 ] || status=1
done
exit "$status"
