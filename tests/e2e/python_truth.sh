#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# python_truth.sh [NAME..]
#
# What threads of Python waited by their own clocks (samples/python/clocks.py), for the GIL and for a lock, against
# the report; with each interpreter that there is.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="gil lock"

# longer_than LOG LINES
longer_than()
{
	[ "$(grep -c ^clock "$1")" -gt "$2" ]
}

# compared KIND NAME INTERPRETER
compared()
{
	local kind=$1 name=clocks-$1-$2 python=$3 log status=0
	log=$work/$name.log
	start "$log" "$python" samples/python/clocks.py "$kind"
	if ! until_true 20 longer_than "$log" 15; then
		fail "$name" "did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
		stop "$started"
		return
	fi
	profile "$work/$name.json" -p "$started" -d 3 || status=1
	# The figures are to span the window: each of at most five threads prints ten times a second.
	until_true 20 longer_than "$log" $(($(grep -c ^clock "$log") + 15))
	stop "$started"
	if [ "$status" != 0 ]; then
		fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
		return
	fi
	verdict_of "$name" python3 "$e2e/check_python_truth.py" "$kind" "$work/$name.json" "$log" ||
		keep "$name" "$work/$name.json" "$log"
}

case_gil()
{
	each_python compared gil
}

case_lock()
{
	each_python compared lock
}

choose_cases python_truth "$@"
need_rights python_truth
choose_pythons python_truth
for name in "${cases[@]}"; do
	"case_$name" # which tries each interpreter on its own
done
finish
