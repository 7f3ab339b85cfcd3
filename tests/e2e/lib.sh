# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the end-to-end tests share; sourced, not run. It goes to the checkout's root and makes $work,
# a folder that ends with the script. Whatever ends the script (its end, a failure, Ctrl-C), only
# processes that start() or start_sample() started are ended, by their ids.
#
# Each check prints one line, `ok NAME: ..`, `FAIL NAME: ..` or `SKIP NAME: ..`; these are what
# tests/run.sh counts. What a failure leaves (reports, logs) lies below $kept.
set -uo pipefail

e2e=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cd "$e2e/../.." || exit 1
concprof=${CONCPROF-$PWD/concprof}
samples=$PWD/build/samples
# A checkout may be read-only (under tests/vm/ it is).
kept=${CONCPROF_E2E_KEPT-$PWD/build/e2e}
if ! mkdir -p "$kept" 2> /dev/null || [ ! -w "$kept" ]; then
	kept=/tmp/concprof-e2e.$(id -u)
	mkdir -p "$kept" || exit 1
fi
work=$(mktemp -d /tmp/concprof-e2e.XXXXXX) || exit 1
# Where there is no hardware to emulate it on, everything but the clock is slower.
export PYTHONDONTWRITEBYTECODE=1 # the checks leave nothing in the tree
patience=${CK_TIMEOUT_MULTIPLIER-1}

declare -A owned=() # pid -> its start time: what identifies a process
cgroups=() after_cgroups=() cases=()
failures=0 missed=0 more_tries=0 logs=0
# shellcheck disable=SC2034 # for who sources this
sample_pid='' sample_log='' sample_threads='' started='' watch_pid='' sample_cgroup=''

# ---- processes ----

# born PID: its start time in clock ticks; fails if there is no such process
born()
{
	local stat
	stat=$(cat "/proc/$1/stat" 2> /dev/null) || return 1
	# The name, in parentheses, may hold anything: what follows the last one counts.
	# shellcheck disable=SC2086 # fields
	set -- ${stat##*) }
	[ "$1" != Z ] && echo "${20}"
}

alive()
{
	[ -n "${owned[$1]-}" ] && [ "$(born "$1")" = "${owned[$1]}" ]
}

# own PID: it is this script's to end
own()
{
	owned[$1]=$(born "$1") || unset "owned[$1]"
}

# start LOG COMMAND..: in the background, its output in LOG; sets $started. Ctrl-C reaches it, which
# bash would keep from what it starts in the background.
start()
{
	local log=$1
	shift
	env --default-signal=INT,QUIT -- "$@" > "$log" 2>&1 < /dev/null &
	started=$!
	own $started
}

# until_true SECONDS COMMAND..: wait until it succeeds; fails when the time is over
until_true()
{
	local end=$((${EPOCHREALTIME/./} + $1 * patience * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.02
	done
}

gone()
{
	! alive "$1"
}

# stop PID [SIGNAL]: end it (TERM) and wait; KILL after 10 s
stop()
{
	if alive "$1"; then
		kill "-${2-TERM}" "$1" 2> /dev/null
		until_true 10 gone "$1" || kill -KILL "$1" 2> /dev/null
	fi
	wait "$1" 2> /dev/null # fails for one that is no child of this shell
	unset "owned[$1]"
}

# start_sample NAME [ARGUMENT..]: sets $sample_pid, $sample_log, $sample_threads. In the cgroup of
# $sample_cgroup, if that is set.
start_sample()
{
	local name=$1
	shift
	logs=$((logs + 1))
	sample_log=$work/$name.$logs.log
	local command=("$samples/$name" "$@")
	[ -z "${sample_cgroup-}" ] || command=("${in_cgroup[@]}" "$sample_cgroup" "${command[@]}")
	start "$sample_log" "${command[@]}"
	sample_pid=$started
	if ! until_true 30 ready "$sample_pid" "$sample_log"; then
		stop "$sample_pid"
		echo "sample $name did not get ready: $(< "$sample_log")" >&2
		return 1
	fi
	# shellcheck disable=SC2034 # for who sources this
	sample_threads=$(sed -n 's/^ready .*threads=\([0-9]*\).*/\1/p' "$sample_log")
}

ready()
{
	grep -q '^ready ' "$2" || gone "$1"
	grep -q '^ready ' "$2"
}

# attached PID: concprof has its programs attached
attached()
{
	local links=("/proc/$1"/fd/*)
	[[ "$(readlink "${links[@]}" 2> /dev/null)" == *bpf_link* ]]
}

# start_concprof LOG ARGUMENT..: in the background, attached when this returns
start_concprof()
{
	local log=$1
	shift
	start "$log" "$concprof" "$@"
	until_true 20 eval "attached $started || gone $started"
	alive "$started"
}

# profile REPORT ARGUMENT..: run concprof to its end; fails as it does, its messages beside REPORT
profile()
{
	local report=$1 status=0
	shift
	"$concprof" -o "$report" "$@" > "${report%.*}.out" 2> "${report%.*}.err" || status=$?
	[ "$status" = 0 ] && [ -s "$report" ]
}

# ---- watching a sample from outside, while it is profiled ----

# truths LOG COUNT: so many truth snapshots are in it
truths()
{
	[ "$(grep -c '^truth end' "$1")" -ge "$2" ]
}

# watch PID LOG: the kernel's CPU clock of PID into LOG.watch and the sample's snapshots into LOG;
# sets $watch_pid. Some are there when this returns.
watch()
{
	start "$work/watch.err" python3 "$e2e/watch.py" "$1" "$2.watch" USR1
	watch_pid=$started
	until_true 20 truths "$2" $(($(grep -c '^truth end' "$2") + 2))
}

# unwatch LOG: go on until the time up to now is covered, then end it
unwatch()
{
	local status=0
	until_true 20 truths "$1" $(($(grep -c '^truth end' "$1") + 2)) || status=$?
	stop "$watch_pid"
	return "$status"
}

# free_port: one on the loopback address that nobody listens on now
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- cgroups ----

# Runs the rest of its arguments as a member of the cgroup that is the first.
# shellcheck disable=SC2016 # expanded there
in_cgroup=(bash -c 'echo $BASHPID > "$0/cgroup.procs" && exec "$@"')

# cgroup_mounts TYPE: the mount points of this type of file system
cgroup_mounts()
{
	awk -v type="$1" '$3 == type { print $2, $4 }' /proc/mounts
}

# make_cgroup DIR: it ends with the script; the processes in it are to have ended before
make_cgroup()
{
	mkdir "$1" 2> /dev/null && cgroups+=("$1")
}

# ---- outcome ----

ok()
{
	echo "ok $1: $2"
}

fail()
{
	if [ "$more_tries" = 1 ]; then
		echo "again $1: $2"
		missed=$((missed + 1))
		return
	fi
	echo "FAIL $1: $2"
	failures=$((failures + 1))
}

# tried COMMAND..: a case that measures time. With TRIES=N it is run again when it fails, N times in
# all, and its last run counts: on a machine that is disturbed figures are off, and a defect fails
# each time. Fails if that one did.
tried()
{
	local try before=$failures
	for ((try = 1; try <= ${TRIES-1}; try++)); do
		missed=0 more_tries=$((try < ${TRIES-1}))
		"$@"
		[ "$missed" != 0 ] || break
	done
	more_tries=0
	[ "$failures" = "$before" ]
}

# skip NAME REASON: what cannot be tested here must be tested in CI
skip()
{
	if [ "${CI-}" = true ]; then
		fail "$1" "cannot run: $2"
	else
		echo "SKIP $1: $2"
	fi
}

# keep NAME FILE..: save what a failure is about
keep()
{
	local name=$1 file
	shift
	for file; do
		[ ! -f "$file" ] || cp "$file" "$kept/$name-${file##*/}"
	done
}

# verdict_of NAME COMMAND..: one line on what the check printed; fails as the check did
verdict_of()
{
	local name=$1 text status=0
	shift
	text=$("$@" 2>&1) || status=$?
	text=$(tr '\n' ' ' <<< "$text")
	if [ "$status" = 0 ]; then
		ok "$name" "${text% }"
	else
		fail "$name" "${text% }"
	fi
	return "$status"
}

# choose_cases SCRIPT [NAME..]: those of $CASES that are to run, all without a name; sets $cases
choose_cases()
{
	local script=$1 name
	shift
	# shellcheck disable=SC2153 # the script has it
	read -r -d '' -a cases <<< "$CASES"
	for name; do
		if [[ " ${cases[*]} " != *" $name "* ]]; then
			echo "usage: $script.sh [NAME..]; names: ${cases[*]}" >&2
			exit 2
		fi
	done
	[ $# = 0 ] || cases=("$@")
}

# run_cases: the function case_NAME of each of $cases; the script's last act
run_cases()
{
	local name
	for name in "${cases[@]}"; do
		tried "case_$name"
	done
	finish
}

# ---- versions of Python ----

PYTHON_VERSIONS="3.8 3.9 3.10 3.11 3.12 3.13"
pythons=() # PATH=NAME of each interpreter to test

# choose_pythons CASE: the system's own, and of each version the newest that pyenv has; sets $pythons
choose_pythons()
{
	local version found
	pythons=()
	if [ -x /usr/bin/python3 ]; then
		pythons+=("/usr/bin/python3=system")
	else
		skip "$1" "/usr/bin/python3 is missing (make deps-test installs it)"
	fi
	if ! command -v pyenv > /dev/null; then
		echo "SKIP $1: no pyenv on PATH, so not with versions $PYTHON_VERSIONS"
		return
	fi
	for version in $PYTHON_VERSIONS; do
		found=$(pyenv versions --bare 2> /dev/null | grep -E "^${version//./\\.}\.[0-9]+$" | sort -V | tail -n 1)
		if [ -n "$found" ]; then
			pythons+=("$(pyenv prefix "$found")/bin/python=$version")
		else
			echo "SKIP $1: pyenv has no $version"
		fi
	done
}

# each_python COMMAND..: run it as COMMAND.. NAME INTERPRETER
each_python()
{
	local each
	for each in "${pythons[@]}"; do
		tried "$@" "${each#*=}" "${each%%=*}"
	done
}

# begun LOG: it has printed its ready line
begun()
{
	grep -qs '^ready' "$1" # it may not be there yet
}

# ---- the script itself ----

need_rights()
{
	if [ "$(id -u)" != 0 ]; then
		skip "$1" "needs root"
		exit $((failures > 0))
	fi
	if ! "$concprof" doctor > "$work/doctor" 2>&1; then
		skip "$1" "concprof doctor says: $(head -n 1 "$work/doctor")"
		exit $((failures > 0))
	fi
}

finish()
{
	exit $((failures > 0))
}

# shellcheck disable=SC2317 # called by a trap
clean_up()
{
	local pid dir step
	trap '' INT TERM HUP
	for pid in "${!owned[@]}"; do
		stop "$pid"
	done
	for dir in "${cgroups[@]}"; do
		until_true 5 rmdir "$dir" 2> /dev/null
	done
	for step in "${after_cgroups[@]}"; do
		eval "$step"
	done
	rm -rf "$work"
}

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
