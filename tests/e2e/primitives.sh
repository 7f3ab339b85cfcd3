#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# primitives.sh [NAME..]
#
# Programs that wait in each way that their language has; each primitive is to be told as what it is.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="once heap go rust java"
programs=$e2e/primitives

ready_line()
{
	grep -q '^ready' "$1"
}

# told NAME COMMAND..: start it, profile it, check
told()
{
	local name=$1
	shift
	start "$work/$name.log" "$@"
	if ! until_true 20 ready_line "$work/$name.log"; then
		fail "$name" "did not start: $(tail -n 2 "$work/$name.log" | tr '\n' ' ')"
	elif ! profile "$work/$name.json" -o "$work/$name.txt" -p "$started" -d 2; then
		fail "$name" "not profiled: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
	else
		verdict_of "$name" python3 "$e2e/check_primitives.py" "$work/$name.json" "$name" ||
			keep "$name" "$work/$name.json" "$work/$name.txt"
	fi
	stop "$started" KILL
}

# built NAME COMPILER COMMAND..: compile it; what has no compiler here is skipped, in CI, too: those of
# Rust and Java are large
built()
{
	local name=$1 compiler=$2
	shift 2
	if ! command -v "$compiler" > /dev/null; then
		echo "SKIP $name: $compiler is missing"
		return 1
	fi
	"$@" > "$work/$name.build" 2>&1 && return
	fail "$name" "not built: $(tail -n 3 "$work/$name.build" | tr '\n' ' ')"
	return 1
}

case_once()
{
	built once g++ g++ -std=c++17 -O2 -g -fomit-frame-pointer -pthread -o "$work/once" "$programs/once.cc" &&
		told once "$work/once"
}

case_heap()
{
	built heap g++ g++ -std=c++17 -O2 -g -fomit-frame-pointer -pthread -o "$work/heap" "$programs/heap.cc" &&
		told heap "$work/heap"
}

case_go()
{
	built go go env HOME="$work" GOCACHE="$work/gocache" GOFLAGS=-mod=mod go build -o "$work/go" "$programs/locks.go" &&
		told go "$work/go"
	chmod -R u+w "$work/gocache" 2> /dev/null
}

case_rust()
{
	built rust rustc rustc --edition 2021 -O -g -o "$work/rust" "$programs/locks.rs" && told rust "$work/rust"
}

case_java()
{
	built java javac javac -d "$work" "$programs/Locks.java" && told java java -cp "$work" Locks
}

choose_cases primitives "$@"
need_rights primitives
run_cases
