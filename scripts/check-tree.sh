#!/usr/bin/env bash
# Fails if a tracked file holds what belongs to one machine or to another day: a path of a work place, a package mirror's
# address, a note that something is still to be done. The brackets keep this file from finding itself.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

found=0
refuse() {
	local what=$1 pattern=$2
	# git grep ends with 1 when it finds nothing, with more when it could not look.
	git grep -nIE "$pattern" -- .
	case $? in
	0) echo "^ $what" && found=1 ;;
	1) ;;
	*) echo "could not search the tracked files" && found=1 ;;
	esac
}

refuse 'a path of one machine' '(^|[^[:alnum:]_.*-])/(wor[k]|far[m]|roo[t]|tm[p]|home/[a-z]+)/'
refuse 'the address of a package mirror' 'registry[.]npmj[s]|proxy[.]golan[g][.]org|deb[.]debia[n][.]org'
refuse 'something still to be done' '\b(TOD[O]|FIXM[E])\b'
exit "$found"
