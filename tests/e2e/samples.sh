#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# samples.sh [--times N] [NAME[:alone]..]
#
# Profile the samples whose answer is known (samples/README.md) and check verdict, lock, holders,
# gain, the sums, and the CPU time against the kernel's; then their cured twins, of which the verdict
# must have gone, and the measured gain against the predicted one. NAME:alone: without its twin. With
# --times each N times.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The predicted gain may be off by this share of the measured one: it is a bound for the steady
# state, which leaves out what wake-ups cost.
GAIN_TOLERANCE=0.25
SECONDS_EACH=4

# What is expected of a sample, by its name:
#   verdicts and gain (cpus:N: that of having N CPUs for itself); the lock at the top; the pattern of its holders' names (without a lock: of the
#   thread that the summary names); what they mostly do; the verdicts of the cured twin ("-": there
#   is none); whether the gain of the cure is measured, by operations a second or (per-cpu) for each
#   second of CPU time.
# The constants that these follow from are in samples/README.md.
table()
{
	cat << 'END'
lock-cpu       threads.lock       1.4-2.0  cache_lock worker-[0-3] running cpu.saturated      measured
lock-sleep     threads.lock       3.0-4.2  state_lock worker-[0-3] sleep   idle,none          measured
pool-idle      idle,none          null     -          -            -       -                  -
lock-hogs      cpu.oversubscribed cpus:2   -          -            -       cpu.saturated      -
backend-wait   external           10-100   -          -            -       cpu.saturated      -
healthy-cpu    cpu.saturated      -        -          -            -       -                  -
healthy-server none               null     -          -            -       -                  -
one-full       threads.imbalance  1.7-2.1  -          compute-0    -       cpu.saturated      measured
disk-wait      storage            -        -          -            -       storage            -
pipeline       threads.imbalance  1.25-1.6 -          resize-0     -       cpu.saturated      measured
barrier-pair   threads.imbalance  1.3-2.1  -          compute-0    -       cpu.saturated,storage,none -
barrier-io     storage            -        -          -            -       -                  -
rwlock-starve  threads.starvation null     -          writer-0     -       threads.lock,none  -
herd           threads.herd       1.1-2.5  -          -            -       cpu.saturated,none per-cpu
throttled      cpu.throttled      2.5-4.5  -          -            -       cpu.saturated      -
END
}

# ---- a cgroup with a quota of half a CPU ----

throttle_dir='' throttle_reason=''

throttle_v1()
{
	local dir=$1/concprof-e2e.$$
	make_cgroup "$dir" || return 1
	echo 100000 > "$dir/cpu.cfs_period_us" && echo 50000 > "$dir/cpu.cfs_quota_us" || return 1
	throttle_dir=$dir
}

throttle_v2()
{
	local dir=$1/concprof-e2e.$$
	grep -qw cpu "$1/cgroup.controllers" || return 1
	if ! grep -qw cpu "$1/cgroup.subtree_control"; then
		echo +cpu > "$1/cgroup.subtree_control" || return 1
		after_cgroups+=("echo -cpu > '$1/cgroup.subtree_control'")
	fi
	make_cgroup "$dir" && echo "50000 100000" > "$dir/cpu.max" || return 1
	throttle_dir=$dir
}

make_throttle()
{
	local mount options
	[ -z "$throttle_dir" ] || return 0
	throttle_reason="neither cgroup v1's nor v2's cpu controller is mounted"
	while read -r mount options; do
		[[ ,$options, == *,cpu,* ]] || continue
		throttle_v1 "$mount" 2> /dev/null && return 0
		throttle_reason="cannot make a cgroup with a quota in $mount"
	done < <(cgroup_mounts cgroup)
	while read -r mount options; do
		grep -qw cpu "$mount/cgroup.controllers" || continue
		throttle_v2 "$mount" 2> /dev/null && return 0
		throttle_reason="cannot make a cgroup with a quota in $mount"
	done < <(cgroup_mounts cgroup2)
	return 1
}

# ---- one sample ----

# disk_blocks: the sample's file lies on a file system that fsync writes to
disk_blocks()
{
	case $(stat -f -c %T "${TMPDIR-/var/tmp}") in
	tmpfs | ramfs) return 1 ;;
	esac
}

# run_sample LABEL NAME [ARGUMENT..]: profile it; sets $report and $log
run_sample()
{
	local label=$1 status=0
	shift
	report=$work/$label.json log=''
	start_sample "$@" || return 1
	log=$sample_log threads=$sample_threads
	watch "$sample_pid" "$log" && profile "$report" -p "$sample_pid" -d "$SECONDS_EACH" || status=1
	unwatch "$log" || status=1
	stop "$sample_pid"
	return "$status"
}

# judge LABEL OPTION..: check the report of the last run_sample
judge()
{
	local label=$1
	shift
	verdict_of "$label" python3 "$e2e/check_sample.py" run "$report" "$log" --threads "$threads" "$@" && return
	keep "$label" "$report" "$log" "$log.watch" "${report%.*}.err"
	return 1
}

# run_and_judge LABEL OPTIONS.. -- NAME [ARGUMENT..]
run_and_judge()
{
	local label=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	if ! run_sample "$label" "$@"; then
		fail "$label" "not profiled: $(tail -n 3 "${report%.*}.err" 2> /dev/null | tr '\n' ' ')"
		[ -z "$log" ] || keep "$label" "$log"
		return 1
	fi
	judge "$label" "${options[@]}"
}

# check_gain LABEL: of the two reports kept by check
check_gain()
{
	verdict_of "$1" python3 "$e2e/check_sample.py" gain "$base_report" "$base_log" "$report" "$log" \
		"$GAIN_TOLERANCE" "${@:2}" && return
	keep "$1-base" "$base_report" "$base_log" "$base_log.watch"
	keep "$1-fixed" "$report" "$log" "$log.watch"
	return 1
}

# sample NAME SUFFIX: the row of the table
sample()
{
	local name=${1%:alone} suffix=$2 program=${1%:alone} status=0
	local verdict gain lock who doing cured measured options=() args=() gain_options=()
	read -r _ verdict gain lock who doing cured measured < <(table | grep "^$name ")
	case $gain in
	-) ;;
	cpus:*) options+=(--own-cpus "${gain#cpus:}") ;;
	*) options+=(--gain "$gain") ;;
	esac
	[ "$lock" = - ] || options+=(--lock "$lock")
	[ "$who" = - ] || options+=(--who "$who")
	[ "$doing" = - ] || options+=(--doing "$doing")
	sample_cgroup=''
	case $name in
	throttled)
		program=healthy-cpu
		if ! make_throttle; then
			skip "$name$suffix" "$throttle_reason"
			return
		fi
		sample_cgroup=$throttle_dir
		;;
	disk-wait | barrier-pair | barrier-io)
		if ! disk_blocks; then
			echo "SKIP $name$suffix: ${TMPDIR-/var/tmp} is no disk (TMPDIR names another folder)"
			return
		fi
		[ "$name" != disk-wait ] || options+=(--disk-threads 4)
		[ "$name" != barrier-io ] || program=barrier-pair args=(30)
		;;
	rwlock-starve) options+=(--starved writer-0) ;;
	herd) options+=(--vain items_ready) ;;
	esac
	run_and_judge "$name$suffix" --verdict "${verdict//,/|}" "${options[@]}" -- "$program" "${args[@]}" || status=1
	sample_cgroup=''
	[ "$cured" != - ] && [ "$1" = "$name" ] || return "$status"

	base_report=$report base_log=$log options=() args=()
	[ "$name" = throttled ] || args=(--fixed)
	[ "$name" != disk-wait ] || options=(--disk-threads 4)
	run_and_judge "$name-fixed$suffix" --verdict "${cured//,/|}" "${options[@]}" -- "$program" "${args[@]}" ||
		status=1
	[ "$measured" != per-cpu ] || gain_options=(--per-cpu)
	[ "$measured" = - ] || [ ! -s "$report" ] || [ ! -s "$base_report" ] ||
		check_gain "$name-gain$suffix" "${gain_options[@]}" || status=1
	return "$status"
}

usage()
{
	echo "usage: samples.sh [--times N] [NAME[:alone]..]" >&2
	echo "samples: $(table | cut -d ' ' -f 1 | tr '\n' ' ')" >&2
	exit 2
}

times=1
if [ "${1-}" = --times ]; then
	times=${2-}
	[[ $times =~ ^[1-9][0-9]*$ ]] || usage
	shift 2
fi
names=("$@")
for name in "${names[@]}"; do
	table | grep -q "^${name%:alone} " || usage
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(table | cut -d ' ' -f 1)
need_rights samples

declare -A right=()
for ((turn = 1; turn <= times; turn++)); do
	suffix=''
	[ "$times" = 1 ] || suffix=.$turn
	for name in "${names[@]}"; do
		! tried sample "$name" "$suffix" || right[$name]=$((${right[$name]-0} + 1))
	done
done
if [ "$times" -gt 1 ]; then
	for name in "${names[@]}"; do
		echo "$name: right ${right[$name]-0} times of $times"
	done
fi
finish
