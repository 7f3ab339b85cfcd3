#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# python.sh [NAME..]
#
# Python's threads (samples/python): the verdict, and the predicted gain against the one that the cured
# twin has. By the system's own interpreter, which has no symbols. Before that, what is read of frames and lines
# against what the interpreter says itself; PYTHONS names more interpreters for it.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="walk gil convoy hash lock forks young"
PYTHON=${PYTHON-/usr/bin/python3}

has_ops()
{
	[ "$(grep -c '^ops=' "$1")" -ge "$2" ]
}

# profiled NAME SAMPLE [ARGUMENT..]: sets $report and $log
profiled()
{
	local name=$1 sample=$2 status=0
	shift 2
	report=$work/$name.json log=$work/$name.log
	start "$log" "$PYTHON" "samples/python/$sample.py" "$@"
	if ! until_true 20 has_ops "$log" 2; then
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
	verdict_of "$1" python3 "$e2e/check_python.py" "${@:2}" || keep "$1" "$report" "$log"
}

# with_twin NAME VERDICT SAMPLE [ARGUMENT..]
with_twin()
{
	local name=$1 verdict=$2 base
	shift 2
	profiled "$name" "$@" || return
	judged "python-$name" run "$report" "$verdict"
	base=$report,$log
	profiled "$name-fixed" "$@" --fixed || return
	judged "python-$name-gain" gain "${base%,*}" "${base#*,}" "$report" "$log"
}

case_walk()
{
	local python
	for python in "$PYTHON" ${PYTHONS-}; do
		verdict_of "python-walk" python3 "$e2e/check_python_walk.py" build/tests/python_walk "$python"
	done
}

case_gil() { with_twin gil gil threads gil; }
case_lock() { with_twin lock threads.lock threads lock; }

case_convoy()
{
	local base
	with_twin convoy gil convoy
	base=$work/convoy
	[ ! -s "$base-fixed.json" ] || report=$base.json log=$base.log \
		judged python-convoy-answers convoy "$base.json" "$base.log" "$base-fixed.log"
}

case_hash()
{
	profiled hash threads hash && judged python-hash run "$report" cpu.saturated
}

case_forks()
{
	report=$work/forks.json log=$work/forks.log
	start "$log" "$PYTHON" "$e2e/python/forks.py"
	if ! until_true 20 grep -q '^ready' "$log"; then
		fail forks "did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
	elif profile "$report" -p "$started" -d 2; then
		judged python-forks forks "$report"
	else
		fail forks "not profiled: $(tail -n 2 "$work/forks.err" | tr '\n' ' ')"
	fi
	stop "$started" TERM
}

# Threads that compute for half a second; what the slices of a longer run find comes too late.
case_young()
{
	local i reports=()
	for i in 1 2 3 4 5; do
		report=$work/young-$i.json log=$work/young-$i.out
		if ! profile "$report" -d 60 -- "$PYTHON" -c "$YOUNG"; then
			fail young "not profiled: $(tail -n 2 "$work/young-$i.err" | tr '\n' ' ')"
			return
		fi
		reports+=("$report")
	done
	judged python-young young "${reports[@]}"
}

YOUNG='
import threading, time
end = time.monotonic() + 0.5
def work():
    while time.monotonic() < end: sum(range(1000))
threads = [threading.Thread(target=work) for _ in range(3)]
for each in threads: each.start()
for each in threads: each.join()
'

report='' log=''
choose_cases python "$@"
need_rights python
run_cases
