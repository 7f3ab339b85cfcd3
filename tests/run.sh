#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [NAME..]
#
# For `make test`: the unit tests, hostile input for the parsers, then the kernel tests and everything that
# profiles real processes (which takes root), and with CI=true or VM=1 the same on another kernel under emulation.
# NAME: unit, fuzz, kernel, vm, or a script of tests/e2e without its .sh; all of them without one. What cannot run
# for a missing right is skipped with the reason, and fails with CI=true.
# A case that measures time is run again when it fails, and its last run counts: on a machine that is
# disturbed figures are off, and a defect fails each time. This is said. TRIES=1 refuses it.
# The last line says how many checks `passed, failed, skipped`.
set -uo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." || exit 1
. tests/child.sh

PARTS="unit fuzz kernel cli tui samples truth capture reports stacks primitives hostile python processes python_truth python_stacks python_bad python_services services loops loop_services vm"

passed=0 failed=0 skipped=0 output=$(mktemp) || exit 1
trap 'end_child; rm -f "$output"' EXIT

# show COMMAND..: run it with its output on the terminal and in $output. In the background, or a
# signal would be heeded only after its end; without letting bash ignore Ctrl-C for it.
show()
{
	local status=0 printer
	exec 3> >(exec tee "$output")
	printer=$!
	env --default-signal=INT,QUIT -- "$@" >&3 2>&1 3>&- < /dev/null &
	child=$!
	exec 3>&-
	wait "$child" || status=$?
	child=''
	wait "$printer"
	return "$status"
}

# count: what $output says of checks, as `PASSED FAILED SKIPPED`. Understood are lines that begin with
# `ok`, `FAIL` and `SKIP`, Check's closing line (100%: Checks: 250, Failures: 0, Errors: 0), and
# `32 checks of .., 0 failed`.
count()
{
	awk '
		/^ok / { ok++ }
		/^FAIL[: ]/ { bad++ }
		/^SKIP / { skipped++ }
		/^[0-9]+%: Checks: / { gsub(",", ""); ok += $3 - $5 - $7; closed += $5 + $7 }
		/^[0-9]+ checks .*, [0-9]+ failed$/ { ok += $1 - $(NF - 1); closed += $(NF - 1) }
		END { print ok + 0, (bad > closed ? bad : closed) + 0, skipped + 0 }
	' "$output"
}

# part NAME COMMAND..: run it and count its checks. If it fails it has failed, whatever it printed;
# what did nothing has not passed.
part()
{
	local name=$1 status=0 oks fails skips
	shift
	echo "== $name"
	show "$@" || status=$?
	read -r oks fails skips < <(count)
	if [ "$fails" = 0 ] && { [ "$status" != 0 ] || [ $((oks + skips)) = 0 ]; }; then
		echo "FAIL $name: exit status $status, $oks checks passed"
		fails=1
	fi
	passed=$((passed + oks)) failed=$((failed + fails)) skipped=$((skipped + skips))
}

export TRIES=${TRIES-3}
read -r -a parts <<< "$PARTS"
for name; do
	if [[ " $PARTS " != *" $name "* ]]; then
		echo "usage: run.sh [NAME..]; names: $PARTS" >&2
		exit 2
	fi
done
asked=$#
[ "$asked" = 0 ] || parts=("$@")
for name in "${parts[@]}"; do
	case $name in
	unit) part unit build/unit_tests ;;
	fuzz) part fuzz tests/fuzz/run.sh ;;
	kernel) part kernel build/tests/kernel_tests ;;
	vm)
		if [ "$asked" != 0 ] || [ "${CI-}" = true ] || [ "${VM-}" = 1 ]; then
			part vm make --no-print-directory vm-test
		else
			echo "== vm: not run (VM=1 asks for it)"
		fi
		;;
	*) part "$name" "tests/e2e/$name.sh" ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
