#!/usr/bin/env bash
# Runs the long form of every proof and writes docs/proofs.md: what is proven, how often, by which command, at which commit and
# by which Go, on which day. ONLY=REGEXP runs those whose names match; together they take most of a day.
# A row is written when its proof holds, and taken away when it does not; those that were not run keep theirs.
#
# A proof is one line in the list below:
#   proof NAME COMMAND…
# COMMAND (a `go test -v`) says how much it has proven in lines that hold "proven: N"; their sum is the number. It stands in the
# table as it is written here, so it needs no quotes.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. scripts/stage.sh
: "${MAPAE_DATA:?is set by make}"

file=docs/proofs.md
log=$(mktemp)
trap 'rm -f "$log"' EXIT

exec 9>"${TMPDIR:-/tmp}/mapae-prove-$(pwd | tr / -).lock"
flock -n 9 || { echo 'proofs are run here already'; exit 1; }

mapfile -t names < <(sed -n "s/^proof '\([^']*\)'.*/\1/p" scripts/prove.sh)
declare -A rows # by name
ran=0
if [ -e "$file" ]; then
	while IFS= read -r line; do
		name=${line#| }
		rows[${name%% |*}]=$line
	done < <(grep '^| ' "$file")
fi

# thousands 1536 prints 1,536.
thousands() { sed -E ':again; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; t again' <<<"$1"; }

# tree tells the commit, and whether files were changed or added since.
tree() {
	printf '%s' "$(git rev-parse --short HEAD)"
	[ -z "$(git status --porcelain -- . ":!$file")" ] || printf ' and changes'
}

# row NAME COMMAND… runs one proof and makes its row. A command that proves nothing has failed.
row() {
	local name=$1 number at
	shift
	unset "rows[$name]"
	at=$(tree)
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
	if [ "$at" != "$(tree)" ]; then
		echo 'the tree has changed meanwhile: nobody knows what this was shown of'
		return 1
	fi
	rows[$name]=$(printf '| %s | %s | `%s` | %s, %s | %s |' "$name" "$(thousands "$number")" "$*" "$at" "$(go env GOVERSION)" "$(date -u +%F)")
}

# table writes the file: the rows that there are, in the order of the list.
table() {
	printf '# Proofs\n\n'
	printf 'Written by `make prove`: what was shown, how many times, by which command, at which commit, on which day (UTC).\n'
	printf 'Short forms of the same run in every `make test`. `make prove ONLY=races` renews the rows whose names hold "races".\n'
	printf 'A proof of `scripts/prove.sh` that has no row here has not been run to its end, or did not hold.\n\n'
	printf '| proof | number | command | commit | date |\n|---|---|---|---|---|\n'
	for name in "${names[@]}"; do
		[ -z "${rows[$name]:-}" ] || printf '%s\n' "${rows[$name]}"
	done
}

# proof NAME COMMAND… is one proof of the list.
proof() {
	printf '%s\n' "${names[@]}" | grep -qxF -- "$1" || { echo "no line begins with: proof '$1'"; exit 1; }
	[[ $1 =~ ${ONLY:-} ]] || return
	ran=$((ran + 1))
	stage "$1" row "$@"
	table >"$file.new" && mv "$file.new" "$file"
}

stage 'what the proofs need' scripts/setup-test.sh

# The list. The verifier:
proof 'flag bytes × UV settings × ceremonies' go test -count=1 -v -run TestFlags ./webauthn
proof 'W3C Level 3 vectors' go test -count=1 -v -run TestW3CVectors ./webauthn
proof 'responses of real authenticators, each with its verdict' go test -count=1 -v -run TestRealResponses ./webauthn
proof 'rows of the table of bad inputs, refused for the stated reason' go test -count=1 -v -run TestBadInputs ./webauthn
proof 'responses cut at each byte' go test -count=1 -v -run TestABodyCutAtAnyByte ./webauthn
proof 'parts of responses cut at each byte' go test -count=1 -v -run TestPartsCutAtAnyByte ./webauthn
proof 'bits of what is signed flipped, three algorithms' go test -count=1 -v -run TestEveryBitOfAnAssertion ./webauthn
proof 'members of responses missing' go test -count=1 -v -run TestEveryMemberThatIsNeeded ./webauthn
proof 'signatures of Wycheproof, through our own keys and checks' go test -C oracle -count=1 -v -run TestWycheproof .
proof 'fixes of go-webauthn, each tested or explained' go test -C oracle -count=1 -v -run TestWhatGoWebAuthnFixed .
proof 'inputs fuzzed without a crash, more than an hour in all' scripts/fuzz.sh 350
proof 'patches that take one check away, killed' env MAPAE_MUTATIONS=all go test -count=1 -v -timeout 4h ./internal/mutation
proof 'algorithms whose verdict costs little more than its signature' env MAPAE_COST=1 go test -count=1 -v -run TestAVerdictCosts ./webauthn

# The same from outside: the right code, nothing changed, nothing spent where it can't be read.
proof 'posted assertions cut at each byte' go test -count=1 -v -run TestTruncatedBodies ./web
proof 'posted signatures with a flipped bit' go test -count=1 -v -run TestEveryFlippedBit ./web
proof 'mutilated responses posted' go test -count=1 -v -run TestMutilated ./web

proof 'pairs of answers about a known and an unknown address, as quick as each other within 2 %' env MAPAE_TIMING_PAIRS=20000 go test -count=1 -v -timeout 4h -run TestTimeTells ./web

# Stores: all or nothing, once, and still there.
proof 'store calls failed, each of each flow' go test -count=1 -v -run TestAFailingStore .
proof 'store calls failed below HTTP' go test -count=1 -v -run TestAFaultyStore ./web
proof 'races, 16 at a time, memory' env STORETEST_ROUNDS=10000 go test -count=1 -v -timeout 1h -run TestStore/races ./memory
proof 'races, 16 at a time, SQLite' env STORETEST_ROUNDS=10000 go test -count=1 -v -timeout 2h -run TestStore/races ./sqlite
proof 'kills of a process that writes, SQLite' env MAPAE_KILLS=1000 go test -count=1 -v -timeout 1h -run TestWhatWasAcknowledged ./sqlite
proof 'kills of the server under load, SQLite' env MAPAE_KILLS=1000 go test -count=1 -v -timeout 2h -run TestWhatWasAcknowledged ./cmd/mapae
proof 'races, 16 at a time, PostgreSQL' env STORETEST_ROUNDS=10000 go test -count=1 -v -timeout 3h -run TestStore/races ./postgres
proof 'kills of PostgreSQL under load' env MAPAE_KILLS=200 go test -count=1 -v -timeout 2h -run TestWhatWasAcknowledged ./postgres
proof 'sessions that outlived kills of a node, PostgreSQL' env MAPAE_KILLS=200 go test -count=1 -v -timeout 2h -run TestANodeThatIsKilled ./cmd/mapae
proof 'failovers to a synchronous standby, PostgreSQL' env MAPAE_FAILOVERS=20 go test -count=1 -v -timeout 2h -run TestAFailover ./postgres
proof 'options calls abandoned, and not a byte kept' env MAPAE_ABANDONED=1000000 go test -count=1 -v -timeout 2h -run TestAbandoned ./internal/bench
proof 'sign-ins, and memory stays flat' env MAPAE_SIGNINS=2000000 go test -count=1 -v -timeout 3h -run TestMemoryStays ./internal/bench
proof 'rounds that measure a session check' env MAPAE_LOADED=1 go test -count=1 -v -run TestASessionCheck ./internal/bench
proof 'rounds that measure options beside those of a bare loop' env MAPAE_LOADED=1 go test -count=1 -v -run TestOptionsCostLittle ./internal/bench
proof 'sign-ins with a passkey beside passwords and slow connections' env MAPAE_LOADED=1 go test -count=1 -v -run TestBeside ./internal/bench
proof 'answers that said yes after a flush, by strace' go test -count=1 -v -run TestNothingIsAcknowledged ./cmd/mapae

proof 'builds of the binary, the same bytes' env MAPAE_REBUILD=1 MAPAE_FIGURES=1 go test -count=1 -v -timeout 1h -run TestTheBinaryIs ./cmd/mapae

if [ "$ran" -eq 0 ]; then
	echo "ONLY='${ONLY:-}' matches no name of the list"
	exit 1
fi
summary
