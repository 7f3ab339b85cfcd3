#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# python_stacks.sh
#
# Every Python frame of threads that are blocked below all shapes of code (python/shapes.py), name, file and line,
# against CPython's own faulthandler; with each interpreter that there is.
# shellcheck disable=SC2317 # called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# compared NAME INTERPRETER
compared()
{
	local name=shapes-$1 python=$2 status=0
	mkdir -p "$work/$name"
	start "$work/$name.log" "$python" "$e2e/python/shapes.py" "$work/$name"
	until_true 60 eval "begun '$work/$name.log' || gone $started"
	if ! begun "$work/$name.log"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
		stop "$started"
		return
	fi
	profile "$work/$name.json" -p "$started" -d 2 || status=1
	stop "$started"
	if [ "$status" != 0 ]; then
		fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
		return
	fi
	verdict_of "$name" python3 "$e2e/check_python_stacks.py" "$work/$name.json" "$work/$name" ||
		keep "$name" "$work/$name.json" "$work/$name/faulthandler" "$work/$name/frames.json"
}

need_rights python_stacks
choose_pythons python_stacks
each_python compared
finish
