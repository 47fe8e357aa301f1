#!/usr/bin/env bash
# fuzz.sh SECONDS lets each fuzz target look for inputs that break it, as many at a time as there are cores: the eight of the
# verifier and what it stands on for so long, the further ones for half of it. fuzz.sh SECONDS TARGET runs one alone.
# What it finds is written below the package's testdata/fuzz and fails every test run from then on.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET]}

# A target is a module, a package of it and a name.
main=(
	'. ./webauthn FuzzJSON'
	'. ./webauthn FuzzClientData'
	'. ./webauthn FuzzAuthenticatorData'
	'. ./internal/cbor FuzzRead'
	'. ./webauthn FuzzCOSE'
	'. ./webauthn FuzzAttestation'
	'. ./internal/seal FuzzSeal'
	'oracle . FuzzDifferential'
)
further=(
	'. ./webauthn/attestation FuzzAttestation'
	'. ./webauthn/attestation FuzzTPM'
	'. ./webauthn/attestation/mds FuzzBlob'
	'. ./webauthn/attestation/mds FuzzPayload'
	'. ./internal/strictjson FuzzRead'
)

# An input that is only new is not made shorter: that would take most of the time of the slow targets.
# Now and then go test takes the end of its own time for a failure: it says "context deadline exceeded" and has found no
# input. Then, and only then, the target is run once more.
fuzz() {
	local seconds=$1 module package name log execs try
	read -r module package name <<<"$2"
	for try in 1 2; do
		log=$(go test -C "$module" -vet=off -run='^$' -fuzz="^$name\$" -fuzztime="${seconds}s" -fuzzminimizetime=1x -parallel=1 "$package" 2>&1) && break
		printf '%s\n' "$log" | tail -n 40
		[ "$try" -eq 1 ] && grep -q '^    context deadline exceeded$' <<<"$log" && ! grep -q 'Failing input written' <<<"$log" || return 1
	done
	# The last line of progress tells how many inputs were run; on a busy machine those that were known before may be all.
	execs=$(grep -oE 'execs: [1-9][0-9]*|coverage: [1-9][0-9]*/' <<<"$log" | tail -n 1 | grep -oE '[0-9]+')
	printf '%-28s %-22s proven: %s\n' "$package" "$name" "${execs:-0}"
	[ "${execs:-0}" -gt 0 ]
}

if [ $# -gt 1 ]; then
	fuzz "$seconds" "$2"
	exit
fi
{
	printf "$seconds\n%s\n" "${main[@]}"
	printf "$(((seconds + 1) / 2))\n%s\n" "${further[@]}"
} | xargs -d '\n' -n 2 -P "$(nproc)" scripts/fuzz.sh
