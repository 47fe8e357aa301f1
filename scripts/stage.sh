# Sourced by the scripts that run several things and report on them.
#
# stage NAME COMMAND… runs one thing, whatever happened to those before it. A command that ends with $SKIP says on its own
# output what is missing; that is a skip on a person's machine and a failure where CI is set.
# summary prints a line a stage and fails if one of them did.

SKIP=77
stages=()
failures=0

stage() {
	local name=$1 began=$SECONDS verdict=passed status
	shift
	printf '\n==> %s\n' "$name"
	"$@"
	status=$?
	if [ "$status" -eq "$SKIP" ] && [ -z "${CI:-}" ]; then
		verdict=SKIPPED
	elif [ "$status" -ne 0 ]; then
		verdict=FAILED
		failures=$((failures + 1))
	fi
	stages+=("$(printf '%-8s%5d s  %s' "$verdict" $((SECONDS - began)) "$name")")
	printf '<== %s: %s in %d s\n' "$name" "$verdict" $((SECONDS - began))
}

summary() {
	printf '\nstages, %d s in all\n' "$SECONDS"
	printf '  %s\n' "${stages[@]}"
	[ "$failures" -eq 0 ]
}
