#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# python_bad.sh [NAME..]
#
# Programs of Python that corrupt their own interpreter, begin and end meanwhile, or are too large, too deep or too
# strange: a report each time, and never a wrong name. With each interpreter that there is.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="corrupt threads recursion names dying reused births exec preloaded subinterpreters nested"
SECONDS_EACH=1

# program NAME COMMAND..: start it and wait for its ready line; sets $log
program()
{
	local name=$1
	shift
	log=$work/$name.log
	start "$log" "$@"
	until_true 60 eval "begun '$log' || gone $started"
	begun "$log" && return
	fail "$name" "did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
	stop "$started"
	return 1
}

# seen NAME: profile $started, then end it
seen()
{
	local status=0
	profile "$work/$1.json" -o "$work/$1.txt" -p "$started" -d "$SECONDS_EACH" || status=1
	stop "$started"
	[ "$status" = 0 ] && return
	fail "$1" "not profiled: $(tail -n 2 "$work/$1.err" | tr '\n' ' ')"
	return 1
}

# judged NAME WHAT [ARGUMENT..]
judged()
{
	verdict_of "$1" python3 "$e2e/check_python_bad.py" "$2" "$work/$1.json" "${@:3}" ||
		keep "$1" "$work/$1.json" "$work/$1.log" "$work/$1.err"
}

# corrupted NAME INTERPRETER
corrupted()
{
	program "corrupt-$1" "$2" "$e2e/python/corrupt.py" "$work/naps.so" && seen "corrupt-$1" &&
		judged "corrupt-$1" corrupt "$log"
}

case_corrupt()
{
	gcc -O2 -shared -fPIC -o "$work/naps.so" "$e2e/python/naps.c" || {
		fail corrupt "not built"
		return
	}
	each_python corrupted
}

# hard WHAT [ARGUMENT..] -- NAME INTERPRETER: the program of this name, checked by the function of this name
hard()
{
	local what=$1 arguments=()
	shift
	while [ "$1" != -- ]; do
		arguments+=("$1")
		shift
	done
	program "$what-$2" "$3" "$e2e/python/hard.py" "$what" && seen "$what-$2" &&
		judged "$what-$2" "${arguments[@]//TEXT/$work/$what-$2.txt}"
}

case_threads() { each_python hard threads threads --; }
case_recursion() { each_python hard recursion recursion --; }
case_names() { each_python hard names names TEXT --; }
case_reused() { each_python hard reused reused --; }
case_dying() { each_python hard dying any_of dying brief '<module>' --; }

# born_and_ended NAME INTERPRETER: processes that live for a moment, one after the other
born_and_ended()
{
	local name=births-$1
	log=$work/$name.log
	# shellcheck disable=SC2016 # expanded there
	start "$log" bash -c 'echo ready; while :; do "$0" -c "$1"; done' "$2" 'import threading, time
def brief_life():
    time.sleep(0.01)
for _ in range(3): threading.Thread(target=brief_life).start()
brief_life()'
	until_true 10 begun "$log"
	SECONDS_EACH=2 seen "$name" && judged "$name" births
}

case_births() { each_python born_and_ended; }

# executed NAME INTERPRETER: it becomes the next of the interpreters
executed()
{
	local name=exec-$1 next tool target status=0
	next=${pythons[((RANDOM % ${#pythons[@]}))]%%=*}
	program "$name" "$2" "$e2e/python/hard.py" first_life "$next" || return
	target=$started
	if ! start_concprof "$work/$name.err" -p "$target" -d 2 -o "$work/$name.json"; then
		fail "$name" "concprof did not attach: $(tail -n 1 "$work/$name.err")"
		stop "$target"
		return
	fi
	tool=$started
	kill -USR1 "$target"
	until_true 30 gone "$tool"
	wait "$tool" || status=$?
	stop "$target"
	if [ "$status" != 0 ] || [ ! -s "$work/$name.json" ]; then
		fail "$name" "exit status $status: $(tail -n 1 "$work/$name.err")"
		return
	fi
	judged "$name" executed
}

case_exec() { each_python executed; }

# A static interpreter with a shared one beside it that never runs.
case_preloaded()
{
	local library
	library=$(find /usr/lib -name 'libpython3.[0-9]*.so.1.0' 2> /dev/null | head -n 1)
	if [ -z "$library" ]; then
		skip preloaded "no shared libpython (make deps-test installs it)"
		return
	fi
	program preloaded env LD_PRELOAD="$library" /usr/bin/python3 "$e2e/python/hard.py" threads && seen preloaded &&
		judged preloaded threads
}

# of_two LOG: all their threads run
of_two()
{
	[ "$(grep -c '^interpreter' "$1")" = 4 ]
}

# two_gils NAME INTERPRETER
two_gils()
{
	local name=subinterpreters-$1
	"$2" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' || return 0
	program "$name" "$2" "$e2e/python/hard.py" subinterpreters || return
	until_true 20 of_two "$log"
	seen "$name" && judged "$name" subinterpreters "$log"
}

# one_in_another NAME INTERPRETER
one_in_another()
{
	"$2" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' || return 0
	hard nested nested -- "$@"
}

case_nested() { each_python one_in_another; }
case_subinterpreters() { each_python two_gils; }

log=''
choose_cases python_bad "$@"
need_rights python_bad
choose_pythons python_bad
for name in "${cases[@]}"; do
	"case_$name" # which tries each interpreter on its own
done
finish
