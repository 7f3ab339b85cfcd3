#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What concprof costs, beside other tools: a table in Markdown on standard output.
set -eu

usage() {
	cat <<'TEXT'
usage: bench.sh [--pairs N] [--quick] [--write] [--raw FILE]
  --pairs N   pairs of each comparison (default 10, with --quick 3)
  --quick     about three minutes, too noisy to be quoted
  --write     put the table into docs/BENCHMARKS.md, too (10 pairs at least)
  --raw FILE  keep the raw figures (JSON)
TEXT
}

die() {
	echo "bench: $1" >&2
	exit "${2:-1}"
}

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

pairs='' quick='' write='' raw=''
while [ $# -gt 0 ]; do
	case $1 in
	--pairs | --raw)
		[ $# -ge 2 ] || die "$1 takes a value" 2
		if [ "$1" = --pairs ]; then pairs=$2; else raw=$2; fi
		shift
		;;
	--quick) quick=--quick ;;
	--write) write=yes ;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done
[ -n "$pairs" ] || pairs=$([ -n "$quick" ] && echo 3 || echo 10)
case $pairs in
*[!0-9]* | '' | 0*) die "--pairs takes a number of 1 or more, not '$pairs'" 2 ;;
esac
if [ -n "$write" ]; then
	[ -z "$quick" ] || die "--write and --quick exclude each other" 2
	[ "$pairs" -ge 10 ] || die "--write takes at least 10 pairs" 2
fi

[ "$(id -u)" = 0 ] || die "needs root (sudo make bench)"
PATH=$PATH:/usr/sbin:/sbin
for tool in python3 bpftool offcputime perf; do
	command -v "$tool" >/dev/null || die "$tool: not found (sudo make deps deps-bench)"
done
for program in concprof build/bench/pingpong build/bench/mutex build/bench/switchrate \
	build/samples/many-threads; do
	[ -x "$program" ] || die "$program: not built (make all samples bench-programs)"
done

stats=/proc/sys/kernel/bpf_stats_enabled
stats_before=$(cat "$stats")
# In memory, where there is such a place: the disk is no part of what is measured.
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
# measure.py restores the switch itself; this is for the case that it cannot.
trap 'echo "$stats_before" >"$stats"; rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$quick" ]; then limit_s=200; else limit_s=900; fi
python3 -B "$here/measure.py" --pairs "$pairs" $quick --limit-s "$limit_s" \
	"$folder" "$folder/raw.json"
[ -z "$raw" ] || cp "$folder/raw.json" "$raw"
python3 -B "$here/table.py" "$folder/raw.json" >"$folder/table.md"
cat "$folder/table.md"
[ -z "$write" ] || cp "$folder/table.md" docs/BENCHMARKS.md
