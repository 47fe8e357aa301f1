#!/usr/bin/env bash
# check.sh lint runs the checks that need no test run; check.sh test runs those and every test of every module.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. scripts/stage.sh
: "${MAPAE_DATA:?is set by make}"

formatted() {
	local unformatted
	unformatted=$(gofmt -l .) || return
	[ -z "$unformatted" ] && return
	printf 'gofmt would change:\n%s\n' "$unformatted"
	return 1
}

# tool NAME ARGUMENT… runs a linter at the version that tools/go.mod names.
tools=$PWD/tools/go.mod
tool() { go tool -modfile="$tools" "$@"; }

vulnerabilities() {
	local db=$MAPAE_DATA/vulndb
	if [ ! -d "$db" ]; then
		echo "no vulnerability database: $db is absent"
		return "$SKIP"
	fi
	tool govulncheck -db "file://$db" ./...
}

# The tests that read these say so themselves, but go test shows what a skipped test says only to those who ask.
vectors() {
	[ -d "$MAPAE_DATA/vectors" ] && return
	echo "no public test vectors: $MAPAE_DATA/vectors is absent"
	return "$SKIP"
}

# The other modules: those who use the root as a stranger would. tools holds no code.
modules() {
	find . -mindepth 2 -name go.mod -not -path './tools/*' -not -path '*/node_modules/*' -not -path '*/testdata/*' -printf '%h\n' | sort
}

# at FOLDER COMMAND… runs a command there and comes back.
at() { (cd "$1" && "${@:2}"); }

lint() {
	stage gofmt formatted
	stage tree scripts/check-tree.sh
	stage 'go mod tidy' go mod tidy -diff
	stage vet go vet ./...
	stage staticcheck tool staticcheck ./...
	stage govulncheck vulnerabilities
	local module
	for module in $(modules); do
		stage "go mod tidy $module" at "$module" go mod tidy -diff
		stage "vet $module" at "$module" go vet ./...
		stage "staticcheck $module" at "$module" tool staticcheck ./...
	done
}

# vet has run by then. The race detector needs cgo, and would let every process sleep for a second before it ends; the compiler's
# checks of pointers, which come with it, would take half the time of SQLite, which is translated from C.
tests() {
	CGO_ENABLED=1 GORACE=${GORACE:-atexit_sleep_ms=0} stage 'unit and script tests' \
		go test -race -gcflags='modernc.org/...=-d=checkptr=0' -vet=off -timeout 40m ./...
	local module
	for module in $(modules); do
		stage "tests of $module" at "$module" go test -vet=off ./...
	done
}

case ${1:-} in
lint) lint ;;
test)
	stage 'what the tests need' scripts/setup-test.sh
	stage 'public test vectors' vectors
	lint
	stage 'accessibility checker' npm ci --prefix e2e --silent
	tests
	stage 'browser module' web/sdk/check.sh
	stage 'core: lines, imports, coverage' scripts/core.sh
	stage 'fuzzing, 5 s a target, 3 s a further one' scripts/fuzz.sh 5
	;;
*) echo "usage: scripts/check.sh lint|test" >&2 && exit 2 ;;
esac
summary
