#!/usr/bin/env bash
# kill-loop.sh N [M] kills what serves or stores, under load, N times on SQLite and M times (N where it is not given) on PostgreSQL,
# and asks after each restart for everything that was acknowledged: it is there, and nothing that was spent can be spent again.
# It prints a table, and fails when anything was lost.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
n=${1:-} m=${2:-${1:-}}
[[ $n =~ ^[1-9][0-9]*$ && $m =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/kill-loop.sh N [M]" >&2; exit 2; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
printf '%-46s %7s %14s %6s\n' 'what is killed (SIGKILL)' kills acknowledged lost

# row NAME KILLS TEST PACKAGE: the test says "A acknowledged things were there after K kills", and passes only if none is lost.
row() {
	local name=$1 kills=$2 test=$3 package=$4 said
	if MAPAE_KILLS=$kills CI=1 go test -count=1 -v -timeout 6h -run "^$test\$" "$package" >"$log" 2>&1 &&
		said=$(grep -oE '[0-9]+ acknowledged things were there after [0-9]+ kills' "$log"); then
		read -r acknowledged _ _ _ _ _ done _ <<<"$said"
		printf '%-46s %7d %14d %6d\n' "$name" "$done" "$acknowledged" 0
	else
		failed=1
		printf '%-46s %7s   FAILED\n' "$name" "$kills"
		tail -n 30 "$log"
	fi
}

row 'SQLite: a process that writes' "$n" TestWhatWasAcknowledgedSurvivesAKill ./sqlite
row 'SQLite: the server' "$n" TestWhatWasAcknowledgedSurvivesAKill ./cmd/mapae
row 'PostgreSQL: one of two nodes' "$m" TestANodeThatIsKilledUnderLoadLosesNothing ./cmd/mapae
row 'PostgreSQL: the postmaster' "$m" TestWhatWasAcknowledgedSurvivesAKillOfTheServer ./postgres
exit "$failed"
