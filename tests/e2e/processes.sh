#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# processes.sh [NAME..]
#
# Processes of Python (samples/python/processes.py): the verdict with its evidence, and the predicted gain
# against the one that the cured twin has. By the system's own interpreter, which has no symbols.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="queue pool"
PYTHON=${PYTHON-/usr/bin/python3}

has_ops()
{
	[ "$(grep -c '^ops=' "$1")" -ge "$2" ]
}

# profiled NAME KIND [--fixed]: sets $report and $log
profiled()
{
	local name=$1 status=0
	shift
	report=$work/$name.json log=$work/$name.log
	start "$log" "$PYTHON" samples/python/processes.py "$@"
	if ! until_true 30 has_ops "$log" 2; then
		fail "$name" "did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
		stop "$started" KILL
		return 1
	fi
	profile "$report" -p "$started" -d 3 || status=1
	until_true 20 has_ops "$log" $(($(grep -c '^ops=' "$log") + 2))
	stop "$started" TERM
	[ "$status" = 0 ] && return
	fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
	return 1
}

judged()
{
	verdict_of "$1" python3 "$e2e/check_processes.py" "${@:2}" || keep "$1" "$report" "$log"
}

# with_twin KIND
with_twin()
{
	local kind=$1 base base_log
	profiled "$kind" "$kind" || return
	judged "processes-$kind" run "$report" "$log" "$kind"
	base=$report base_log=$log
	profiled "$kind-fixed" "$kind" --fixed || return
	judged "processes-$kind-gain" gain "$base" "$base_log" "$report" "$log"
}

case_queue() { with_twin queue; }
case_pool() { with_twin pool; }

report='' log=''
choose_cases processes "$@"
need_rights processes
run_cases
