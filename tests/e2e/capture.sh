#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# capture.sh
#
# The capture file: the same report from it as live, byte for byte, without root and with the target
# long gone; what a killed run leaves; captures that are cut, corrupted, foreign or newer.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# refused NAME CAPTURE WORDS..: one line that holds each of the words, status 1, no output file
refused()
{
	local name=$1 capture=$2 status=0 word line
	shift 2
	rm -f "$work/refused.json"
	"$concprof" report "$capture" -o "$work/refused.json" > "$work/refused.out" 2> "$work/refused.err" || status=$?
	line=$(< "$work/refused.err")
	if [ "$status" != 1 ] || [ "$(wc -l < "$work/refused.err")" != 1 ] || [ -s "$work/refused.out" ] ||
		[[ $line != "concprof: "* ]]; then
		fail "$name" "status $status, $(wc -l < "$work/refused.err") lines: $line"
		return
	fi
	if [ -e "$work/refused.json" ]; then
		fail "$name" "an output file was left behind"
		return
	fi
	for word; do
		if [[ $line != *"$word"* ]]; then
			fail "$name" "not a word of '$word': $line"
			return
		fi
	done
	ok "$name" "$line"
}

# same NAME A B
same()
{
	if [ -s "$2" ] && cmp "$2" "$3" > "$work/cmp" 2>&1; then
		ok "$1" "$(wc -c < "$2") bytes are the same"
	else
		keep "$1" "$2" "$3"
		fail "$1" "$(cat "$work/cmp" 2> /dev/null)"
	fi
}

live_and_replay()
{
	start_sample lock-cpu || return
	if ! "$concprof" -p "$sample_pid" -d 2 -o "$work/x.cprof" -o "$work/x.json" -o "$work/x.txt" \
		> "$work/live.out" 2>&1; then
		fail replay "not profiled: $(< "$work/live.out")"
		stop "$sample_pid"
		return 1
	fi
	stop "$sample_pid"
	# What cannot be read of the target any more must be in the file; nor does it take root.
	cp "$concprof" "$work/concprof"
	mkdir "$work/user"
	chmod 711 "$work"
	chmod 777 "$work/user"
	chmod 644 "$work/x.cprof"
	if ! setpriv --reuid=65534 --regid=65534 --clear-groups "$work/concprof" report "$work/x.cprof" \
		-o "$work/user/y.json" -o "$work/user/y.txt" > "$work/replay.out" 2>&1; then
		fail replay "concprof report failed: $(< "$work/replay.out")"
		return 1
	fi
	same replay-json "$work/x.json" "$work/user/y.json"
	same replay-text "$work/x.txt" "$work/user/y.txt"
	"$concprof" report "$work/x.cprof" -f json > "$work/z.json"
	same replay-stdout "$work/x.json" "$work/z.json"
}

# covers FILE SECONDS: a reader finds so much of the run in it
# shellcheck disable=SC2317 # called by until_true
covers()
{
	"$concprof" report "$1" -f json 2> /dev/null |
		jq -e --argjson seconds "$2" '.window.duration_ns > $seconds * 1e9' > /dev/null
}

killed()
{
	local tool
	start_sample lock-cpu || return
	if ! start_concprof "$work/killed.err" -p "$sample_pid" -d 20 -o "$work/killed.cprof"; then
		fail killed "concprof did not attach: $(< "$work/killed.err")"
		stop "$sample_pid"
		return
	fi
	tool=$started
	# Slices of 2 s: two of them.
	until_true 15 covers "$work/killed.cprof" 3.5 || echo "killed: no prefix can be read while it runs" >&2
	kill -KILL "$tool"
	wait "$tool" 2> /dev/null
	stop "$sample_pid"
	if "$concprof" report "$work/killed.cprof" -o "$work/killed.json" 2> "$work/killed.err"; then
		verdict_of killed python3 "$e2e/check_capture.py" prefix "$work/killed.json" 3.5 ||
			keep killed "$work/killed.cprof" "$work/killed.json"
	else
		fail killed "cannot be read: $(< "$work/killed.err")"
		keep killed "$work/killed.cprof"
	fi
}

# A cut anywhere gives a report on what is there, or one line.
cut_anywhere()
{
	local len_bytes at status wrong='' reports=0
	len_bytes=$(stat -c %s "$work/x.cprof")
	for ((at = 0; at < len_bytes; at += len_bytes / 40 + 1)); do
		head -c "$at" "$work/x.cprof" > "$work/cut.cprof"
		status=0
		"$concprof" report "$work/cut.cprof" -f json > "$work/cut.json" 2> "$work/cut.err" || status=$?
		if [ "$status" = 0 ]; then
			reports=$((reports + 1))
			jq -e '.window.complete == false' "$work/cut.json" > "$work/jq" 2>&1 ||
				wrong+=" $at: not called incomplete;"
		elif [ "$status" != 1 ] || [ -s "$work/cut.json" ]; then
			wrong+=" $at: status $status;"
		fi
		[ "$(wc -l < "$work/cut.err")" = 1 ] || wrong+=" $at: $(wc -l < "$work/cut.err") lines;"
	done
	if [ -n "$wrong" ] || [ "$reports" = 0 ]; then
		fail cut "$reports reports;$wrong"
	else
		ok cut "40 cuts, $reports of them with a report"
	fi
}

# One bit changed in the header, a frame, a payload: never a report.
corrupted()
{
	local len_bytes at wrong='' status
	len_bytes=$(stat -c %s "$work/x.cprof")
	for at in 3 9 13 16 18 25 $((len_bytes / 3)) $((len_bytes / 2)) $((len_bytes - 3)); do
		python3 - "$work/x.cprof" "$work/bad.cprof" "$at" << 'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(data)
END
		status=0
		"$concprof" report "$work/bad.cprof" -f json > "$work/bad.json" 2> "$work/bad.err" || status=$?
		if [ "$status" != 1 ] || [ -s "$work/bad.json" ] || [ "$(wc -l < "$work/bad.err")" != 1 ]; then
			wrong+=" byte $at: status $status: $(head -c 200 "$work/bad.err")"
		fi
	done
	if [ -n "$wrong" ]; then
		fail corrupted "$wrong"
	else
		ok corrupted "$(< "$work/bad.err")"
	fi
}

need_rights capture
killed
if live_and_replay; then
	cut_anywhere
	corrupted
	head -c 10 "$work/x.cprof" > "$work/header.cprof"
	refused cut-header "$work/header.cprof" "not a concprof capture"
	head -c 16 "$work/x.cprof" > "$work/first.cprof"
	refused cut-first "$work/first.cprof" cut
	: > "$work/empty.cprof"
	refused empty "$work/empty.cprof" empty
	refused foreign-program "$samples/lock-cpu" "not a concprof capture"
	refused foreign-json "$work/x.json" "not a concprof capture"
	refused folder "$work" directory
	refused missing "$work/no-such.cprof" "No such file"
	if python3 "$e2e/check_capture.py" version "$work/x.cprof" "$work/newer.cprof" 2 0; then
		refused newer "$work/newer.cprof" "format 2.0"
	else
		fail newer "no newer file could be made"
	fi
	# A newer minor version only adds what an older reader skips.
	python3 "$e2e/check_capture.py" version "$work/x.cprof" "$work/minor.cprof" 1 9
	"$concprof" report "$work/minor.cprof" -o "$work/minor.json" 2> "$work/minor.err"
	same newer-minor "$work/x.json" "$work/minor.json"
fi
finish
