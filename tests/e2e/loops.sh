#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# loops.sh [NAME..]
#
# Event loops with a known answer (samples/python/loops.py, samples/loop-poll.c): the verdict, each stall with its length
# and its line, and turns, busy time and added delay against what the sample measures of itself; the cured twin has no such
# verdict. Loops that are idle, full without a stall, or on poll(2) do not alarm.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="cpu blocking gil idle full poll"
PYTHON=${PYTHON-/usr/bin/python3}
SECONDS_EACH=4

has_turns()
{
	[ "$(grep -c "^turn " "$1" 2> /dev/null)" -ge "$2" ]
}

# last_turn LOG: when the latest one in it began, by CLOCK_MONOTONIC
last_turn()
{
	sed -n 's/^turn \([0-9]*\) .*/\1/p' "$1" | tail -n 1
}

# later LOG: the sample has logged turns that begin after now
later()
{
	local now
	now=$(python3 -c 'import time; print(time.monotonic_ns())')
	until_true 20 eval "[ \"\$(last_turn '$1')\" -gt $now ]"
}

# profiled NAME ARGUMENT..: loops.py; sets $report and $log
profiled()
{
	local name=$1 status=0
	shift
	report=$work/$name.json log=$work/$name.log
	start "$log" "$PYTHON" samples/python/loops.py "$@"
	if ! until_true 20 has_turns "$log" 20; then
		fail "$name" "did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
		stop "$started" TERM
		return 1
	fi
	profile "$report" -p "$started" -d "$SECONDS_EACH" || status=1
	later "$log"
	stop "$started" TERM
	[ "$status" = 0 ] && return
	fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
	return 1
}

judged()
{
	verdict_of "$1" python3 "$e2e/check_loops.py" "${@:2}" || keep "$1" "$report" "$log"
}

# not_stalled NAME: the twin may be anything but a loop that stalls
not_stalled()
{
	profiled "$1-fixed" "$1" --fixed || return
	judged "loops-$1-fixed" verdict "$report" \
		none,idle,unclear,cpu.saturated,cpu.oversubscribed,threads.imbalance,processes.ipc
}

case_cpu()
{
	profiled cpu cpu || return
	judged loops-cpu verdict "$report" event_loop.cpu
	judged loops-cpu-turns turns "$report" "$log"
	judged loops-cpu-line blame "$report" run compute "sum(i * i for i in range(200))" samples/python/loops.py
	not_stalled cpu
}

case_blocking()
{
	profiled blocking blocking || return
	judged loops-blocking verdict "$report" event_loop.blocking
	judged loops-blocking-turns turns "$report" "$log"
	judged loops-blocking-line blame "$report" sleep answer "        time.sleep(STEP_S)" samples/python/loops.py
	not_stalled blocking
}

case_gil()
{
	profiled gil gil || return
	judged loops-gil verdict "$report" event_loop.gil
	judged loops-gil-share gil "$report"
	not_stalled gil
}

case_idle()
{
	profiled idle idle || return
	judged loops-idle verdict "$report" idle
	judged loops-idle-healthy healthy "$report" asyncio
}

case_full()
{
	profiled full full || return
	judged loops-full verdict "$report" threads.imbalance
	judged loops-full-turns turns "$report" "$log"
	judged loops-full-healthy healthy "$report" asyncio
}

case_poll()
{
	report=$work/poll.json
	start_sample loop-poll || return
	log=$sample_log
	if profile "$report" -p "$sample_pid" -d "$SECONDS_EACH"; then
		judged loops-poll verdict "$report" none
		judged loops-poll-healthy healthy "$report" poll
	else
		fail loops-poll "not profiled: $(tail -n 2 "$work/poll.err" | tr '\n' ' ')"
	fi
	stop "$sample_pid"
}

need_rights loops
choose_cases loops "$@"
run_cases
