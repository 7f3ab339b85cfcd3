#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# truth.sh [NAME..]
#
# Hard cases: what a program counted itself against the report, threads and processes that come and
# go, every way to name a target, PID namespaces; and that nothing is left attached afterwards.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="mutex timed names churn many_threads exec_in_run end_in_run command no_children comm cgroup
	pid_namespace left_attached"
MANY=5000
SECONDS_EACH=4

report='' log=''

# truth NAME WHAT [ARGUMENT..]: check $report
truth()
{
	local name=$1 what=$2
	shift 2
	verdict_of "$name" python3 "$e2e/check_truth.py" "$what" "$report" "$@" && return
	keep "$name" "$report" "${report%.*}.err" "${report%.*}.txt"
	[ -z "$log" ] || keep "$name" "$log" "$log.watch"
}

# profiled NAME ARGUMENT..: into $report, status 0; says so if it was not
profiled()
{
	local name=$1
	shift
	report=$work/$name.json
	profile "$report" "$@" && return
	fail "$name" "not profiled: $(tail -n 3 "${report%.*}.err" | tr '\n' ' ')"
	return 1
}

# watched NAME [ARGUMENT..] -- SAMPLE [ARGUMENT..]: profile a sample with its own truth beside it
watched()
{
	local name=$1 arguments=() status=0
	shift
	while [ "$1" != -- ]; do
		arguments+=("$1")
		shift
	done
	shift
	if ! start_sample "$@"; then
		fail "$name" "the sample did not start"
		return 1
	fi
	log=$sample_log
	if ! watch "$sample_pid" "$log"; then
		fail "$name" "the sample does not print its truth"
		status=1
	elif ! profiled "$name" -p "$sample_pid" -d "$SECONDS_EACH" "${arguments[@]}"; then
		status=1
	elif ! unwatch "$log"; then
		fail "$name" "the sample no longer prints its truth"
		status=1
	fi
	stop "$sample_pid"
	return "$status"
}

case_mutex()
{
	watched mutex -- mutex-truth && truth mutex mutex "$log"
}

case_timed()
{
	watched timed -- timed && truth timed timed "$log"
}

case_names()
{
	watched names -o "$work/names.txt" -- names || return
	truth names names "$work/names.txt"
}

case_churn()
{
	watched churn -- churn && truth churn churn "$log"
}

case_many_threads()
{
	local began
	if [ "$(ulimit -u)" != unlimited ] && [ "$(ulimit -u)" -lt $((MANY + 100)) ]; then
		skip many_threads "at most $(ulimit -u) threads are allowed"
		return
	fi
	start_sample many-threads "$MANY" || {
		fail many_threads "the sample did not start"
		return
	}
	log=''
	began=$(date +%s%N)
	profiled many_threads -p "$sample_pid" -d "$SECONDS_EACH" &&
		truth many_threads many "$sample_threads" "$began" "$(date +%s%N)"
	stop "$sample_pid"
}

# A shell that waits for a line and then becomes lock-cpu.
case_exec_in_run()
{
	local shell
	mkfifo "$work/go"
	# shellcheck disable=SC2016 # expanded there
	start "$work/exec.log" bash -c 'read -r < "$1" && exec "$2"' bash "$work/go" "$samples/lock-cpu"
	shell=$started log=''
	report=$work/exec_in_run.json
	if start_concprof "$work/exec_in_run.err" -p "$shell" -d "$SECONDS_EACH" -o "$report"; then
		local tool=$started
		echo go > "$work/go"
		if until_true $((SECONDS_EACH + 10)) gone "$tool" && wait "$tool"; then
			truth exec_in_run executed "$shell"
		else
			fail exec_in_run "concprof failed: $(< "$work/exec_in_run.err")"
		fi
	else
		fail exec_in_run "concprof did not attach: $(< "$work/exec_in_run.err")"
	fi
	stop "$shell"
}

case_end_in_run()
{
	start_sample lock-cpu --seconds 3 || return
	log=''
	profiled end_in_run -p "$sample_pid" -d 30 && truth end_in_run ended 0.5 5
	stop "$sample_pid"
}

case_command()
{
	log=''
	profiled command-exit -- bash -c 'for i in {1..50000}; do :; done; exit 7' &&
		truth command-exit command 7 0
	# shellcheck disable=SC2016 # expanded there
	profiled command-signal -- bash -c 'for i in {1..50000}; do :; done; kill -TERM $$' &&
		truth command-signal command 0 15
	profiled command-sample -- "$samples/lock-cpu" --seconds 2 && truth command-sample holders
}

case_no_children()
{
	watched no_children --no-children -- churn && truth no_children churn "$log" alone
}

# Two processes of one name, which no other program has: a copy of the sample.
case_comm()
{
	local name=e2e-comm-$((RANDOM % 10000)) first second
	cp "$samples/lock-cpu" "$work/$name"
	start "$work/first.log" "$work/$name"
	first=$started
	start "$work/second.log" "$work/$name"
	second=$started log=''
	until_true 20 ready "$first" "$work/first.log"
	until_true 20 ready "$second" "$work/second.log"
	profiled comm --comm "$name" -d 1 && truth comm pids "$first" "$second"
	stop "$first"
	stop "$second"
}

# With concprof itself in the same cgroup.
case_cgroup()
{
	local mount options kind dir done=0
	log=''
	for kind in cgroup cgroup2; do
		while read -r mount options; do
			# A new cpuset has no CPUs until it is given some.
			[[ ,$options, != *,cpuset,* ]] || continue
			dir=$mount/concprof-e2e-target.$$
			make_cgroup "$dir" || continue
			sample_cgroup=$dir
			start_sample lock-cpu || fail "$kind" "the sample did not start in $dir"
			sample_cgroup=''
			report=$work/$kind.json
			if "${in_cgroup[@]}" "$dir" "$concprof" --cgroup "$dir" -d 1 -o "$report" 2> "$work/$kind.err"; then
				truth "$kind" pids "$sample_pid"
			else
				fail "$kind" "not profiled: $(< "$work/$kind.err")"
			fi
			stop "$sample_pid"
			done=1
			break
		done < <(cgroup_mounts "$kind")
	done
	[ "$done" = 1 ] || skip cgroup "no cgroup can be made"
}

children_of()
{
	cat "/proc/$1/task/$1/children" 2> /dev/null || pgrep -P "$1"
}

has_children()
{
	[ -n "$(children_of "$1")" ]
}

case_pid_namespace()
{
	local outer inner
	if ! unshare -p -f --mount-proc true 2> /dev/null; then
		skip pid_namespace "no PID namespace can be made"
		return
	fi
	log=$work/pid_namespace.log
	# The sample is the namespace's first process: no signal but KILL ends it from inside, its own
	# handling of TERM does.
	start "$log" unshare -p -f --kill-child --mount-proc "$samples/lock-cpu"
	outer=$started
	if until_true 20 has_children "$outer" && until_true 20 ready "$outer" "$log"; then
		read -r inner < <(children_of "$outer")
		own "$inner"
		log=''
		profiled pid_namespace -p "$inner" -d "$SECONDS_EACH" && truth pid_namespace holders 5
		stop "$inner"
	else
		fail pid_namespace "the sample did not start: $(< "$log")"
	fi
	stop "$outer"
}

# ---- what is left ----

# kernel_objects PID: `prog ID`, `link ID`, `map ID` of what the process holds
kernel_objects()
{
	cat "/proc/$1"/fdinfo/* 2> /dev/null |
		sed -n 's/^\(prog\|link\|map\)_id:[[:space:]]*\([0-9]*\)$/\1 \2/p' | sort -u
}

# left: those of $objects that still exist
left()
{
	local kind id
	while read -r kind id; do
		! bpftool "$kind" show id "$id" > /dev/null 2>&1 || echo "$kind $id"
	done < "$objects"
}

nothing_left()
{
	[ -z "$(left)" ]
}

# One run that ends by the signal, or by itself.
left_after()
{
	local name=left_attached-$1 signal=$2 tool status=0 want=0 seconds=60
	objects=$work/objects.$1 report=$work/$name.json log=''
	[ -n "$signal" ] || seconds=1
	if ! start_concprof "$work/$name.err" -p "$sample_pid" -d "$seconds" -o "$report"; then
		fail "$name" "concprof did not attach: $(< "$work/$name.err")"
		return
	fi
	tool=$started
	kernel_objects "$tool" > "$objects"
	[ -z "$signal" ] || kill "-$signal" "$tool"
	until_true 20 gone "$tool" 2> /dev/null || kill -KILL "$tool"
	wait "$tool" 2> /dev/null || status=$?
	[ "$signal" != KILL ] || want=137
	if [ "$(grep -c ^link "$objects")" -lt 3 ] || [ "$(grep -c ^prog "$objects")" -lt 3 ]; then
		fail "$name" "not seen what was attached: $(tr '\n' ' ' < "$objects")"
	elif [ "$status" != "$want" ]; then
		fail "$name" "exit status ${status}, not ${want}: $(< "$work/$name.err")"
	elif [ "$want" = 0 ] && [ ! -s "$report" ]; then
		fail "$name" "no report was written"
	elif ! until_true 10 nothing_left; then
		fail "$name" "left: $(left | tr '\n' ' ')"
	else
		ok "$name" "none of $(wc -l < "$objects") programs, links and maps is left"
	fi
}

case_left_attached()
{
	if ! command -v bpftool > /dev/null; then
		skip left_attached "bpftool is missing"
		return
	fi
	start_sample lock-cpu || return
	left_after end ''
	left_after interrupt INT
	left_after kill KILL
	stop "$sample_pid"
}

choose_cases truth "$@"
need_rights truth
run_cases
