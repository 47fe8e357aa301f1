#!/usr/bin/env bash
# Runs the long form of every proof and writes docs/proofs.md: what is proven, how often, by which command, on which day.
# The file is written only when every proof holds.
#
# A proof is one line in the list below:
#   proof NAME COMMAND…
# COMMAND (a `go test -v`, which logs it) says how much it has proven in lines that hold "proven: N"; their sum is the number.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. scripts/stage.sh
: "${MAPAE_DATA:?is set by make}"

log=$(mktemp)
table=$(mktemp)
trap 'rm -f "$log" "$table"' EXIT

# thousands 1536 prints 1,536.
thousands() { sed -E ':again; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; t again' <<<"$1"; }

# row NAME COMMAND… runs one proof and adds its row. A command that proves nothing has failed.
row() {
	local name=$1 number
	shift
	echo "$*"
	if ! "$@" >"$log" 2>&1; then
		tail -n 50 "$log"
		return 1
	fi
	number=$(grep -oE 'proven: [0-9]+' "$log" | awk '{ sum += $2 } END { print sum + 0 }')
	if [ "$number" -eq 0 ]; then
		echo 'the command passed and proved nothing: no line "proven: N"'
		return 1
	fi
	echo "proven: $number"
	printf '| %s | %s | `%s` | %s |\n' "$name" "$(thousands "$number")" "$*" "$(date -u +%F)" >>"$table"
}

proof() { stage "$1" row "$@"; }

stage 'what the proofs need' scripts/setup-test.sh

# The list.

summary || exit 1
{
	printf '# Proofs\n\n'
	printf 'Written by `make prove`: what was shown, how many times, by which command, on which day (UTC). Last run with %s, commit %s.\n' \
		"$(go env GOVERSION)" "$(git describe --always --dirty)"
	printf 'Short forms of the same run in every `make test`.\n\n'
	printf '| proof | number | command | date |\n|---|---|---|---|\n'
	cat "$table"
} >docs/proofs.md
echo 'wrote docs/proofs.md'
