#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# python_services.sh [NAME..]
#
# Servers of Python under load, by their master's pid: Debian's gunicorn with processes and with threads, http.server
# with a thread for each connection, and a pool of processes. The verdict, and for the GIL the line that has it.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="gthread sync sync_waiting threaded threaded_hash pool"
PYTHON=${PYTHON-/usr/bin/python3}

answers()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# loaded URL: the server answers
# shellcheck disable=SC2317 # called by until_true
loaded()
{
	python3 -c 'import sys, urllib.request
sys.exit(urllib.request.urlopen(sys.argv[1], timeout=10).status != 200)' "$1" 2> /dev/null
}

# judged NAME WHAT [ARGUMENT..]: profile $server and check it
judged()
{
	local name=$1
	if ! profile "$work/$name.json" -o "$work/$name.txt" -p "$server" -d 4; then
		fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
		return
	fi
	verdict_of "$name" python3 "$e2e/check_python_service.py" "$2" "$work/$name.json" "${@:3}" ||
		keep "$name" "$work/$name.json" "$work/$name.txt"
}

# under_load NAME PATH CONNECTIONS -- WHAT [ARGUMENT..] -- COMMAND..: serve, ask for the path, check
under_load()
{
	local name=$1 path=$2 connections=$3 how=() load
	shift 4
	while [ "$1" != -- ]; do
		how+=("$1")
		shift
	done
	shift
	start "$work/$name.log" "$@"
	server=$started
	if ! until_true 30 answers "$port"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	else
		start "$work/$name.wrk" wrk -t 1 -c "$connections" -d 300 --timeout 30 "http://127.0.0.1:$port$path"
		load=$started
		if until_true 20 loaded "http://127.0.0.1:$port$path"; then
			judged "$name" "${how[@]}"
		else
			fail "$name" "no answer under load"
		fi
		stop "$load"
	fi
	stop "$server"
}

gunicorn_of()
{
	gunicorn=(gunicorn --chdir "$e2e/python" -b "127.0.0.1:$port" --log-level warning "$@" web:application)
}

# Eight threads of one worker for pure Python work.
case_gthread()
{
	gunicorn_of -k gthread -w 1 --threads 8
	under_load gthread /cpu 16 -- gil web.py render -- "${gunicorn[@]}"
}

# Two workers on two CPUs: as it should be.
case_sync()
{
	gunicorn_of -k sync -w 2
	under_load sync /cpu 8 -- plain cpu.saturated -- "${gunicorn[@]}"
}

# More requests than workers, and these wait: more workers would answer more.
case_sync_waiting()
{
	gunicorn_of -k sync -w 2
	under_load sync_waiting /sleep 16 -- plain processes.pool_exhausted -- "${gunicorn[@]}"
}

case_threaded()
{
	under_load threaded /cpu 8 -- gil web.py render -- "$PYTHON" "$e2e/python/web.py" "$port"
}

# hashlib releases the GIL for large buffers.
case_threaded_hash()
{
	under_load threaded_hash /hash 8 -- plain cpu.saturated -- "$PYTHON" "$e2e/python/web.py" "$port"
}

case_pool()
{
	start "$work/pool.log" "$PYTHON" "$e2e/python/web.py" pool
	server=$started
	if until_true 20 begun "$work/pool.log"; then
		judged pool plain cpu.saturated
	else
		fail pool "did not start: $(tail -n 2 "$work/pool.log" | tr '\n' ' ')"
	fi
	stop "$server"
}

server='' gunicorn=()
choose_cases python_services "$@"
need_rights python_services
for tool in gunicorn wrk; do
	if ! command -v $tool > /dev/null; then
		skip python_services "$tool is missing (make deps-test installs it)"
		finish
	fi
done
port=$(free_port)
run_cases
