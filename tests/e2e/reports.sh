#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reports.sh [NAME..]
#
# What a review gets, each file in the program that it is for: go tool pprof, Chromium, Python's csv
# and json, the rules of flamegraph.pl and of Chrome's traces; a diff of a sample and its cured twin;
# the man page in mandoc, the completions in their shells.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="formats page hostile_page diff docs"

# recorded NAME [ARGUMENT..]: lock-cpu, 3 s, into $work/NAME.cprof, with the work that it did
recorded()
{
	local name=$1
	shift
	[ -s "$work/$name.cprof" ] && return
	need_rights "$name"
	start_sample lock-cpu "$@" || return
	"$concprof" -p "$sample_pid" -d 3 -o "$work/$name.cprof" > "$work/$name.out" 2>&1
	stop "$sample_pid"
	[ -s "$work/$name.cprof" ] || fail "$name" "not recorded: $(< "$work/$name.out")"
	[ -s "$work/$name.cprof" ]
}

case_formats()
{
	local kind file
	recorded before || return
	if ! "$concprof" report "$work/before.cprof" -o "$work/r.json" -o "$work/r.csv" -o "$work/r.folded" \
		-o "$work/r.perfetto.json" -o "$work/r.pb.gz" -o "$work/r.md" > "$work/r.out" 2>&1; then
		fail formats "$(< "$work/r.out")"
		return
	fi
	for kind in csv folded perfetto pprof markdown; do
		file=$work/r.$kind
		case $kind in
		perfetto) file=$work/r.perfetto.json ;;
		pprof) file=$work/r.pb.gz ;;
		markdown) file=$work/r.md ;;
		esac
		verdict_of "formats-$kind" python3 "$e2e/check_reports.py" "$kind" "$file" "$work/r.json" ||
			keep "formats-$kind" "$file" "$work/r.json"
	done
}

case_page()
{
	recorded before || return
	"$concprof" report "$work/before.cprof" -o "$work/r.html" > "$work/r.out" 2>&1
	verdict_of page python3 "$e2e/check_html.py" "$work/r.html" "$work" cache_update || keep page "$work/r.html"
}

# The page of the unit tests' hostile names.
case_hostile_page()
{
	CONCPROF_HOSTILE_HTML=$work/h.html CK_RUN_SUITE=render_formats build/unit_tests > "$work/unit" 2>&1
	verdict_of hostile-page python3 "$e2e/check_html.py" "$work/h.html" "$work" || keep hostile-page "$work/h.html"
}

# said NAME FILE WORDS..: each of them is in it
said()
{
	local name=$1 file=$2 word
	shift 2
	for word; do
		if ! grep -qF -- "$word" "$file"; then
			fail "$name" "'$word' is not in: $(head -c 600 "$file" | tr '\n' ' ')"
			return
		fi
	done
	ok "$name" "$(grep -m 1 -F -- "$1" "$file")"
}

case_diff()
{
	local status=0
	recorded before || return
	recorded after --fixed || return
	"$concprof" report "$work/before.cprof" -f json > "$work/before.json"
	"$concprof" diff "$work/before.json" "$work/after.cprof" -o "$work/d.html" -o "$work/d.json" -o "$work/d.md" \
		-f text --fail-if 'lock.wait_ratio > +10%' > "$work/d.txt" 2> "$work/d.err" || status=$?
	if [ "$status" != 0 ]; then
		fail diff "status $status: $(< "$work/d.err")"
		return
	fi
	said diff-text "$work/d.txt" "Better: lock cache_lock: waiting" "Before: $(jq -r .verdict.bottleneck "$work/before.json")" \
		"passed: lock.wait_ratio"
	said diff-markdown "$work/d.md" "cache\\_lock" "| better |"
	said diff-html "$work/d.html" "cache_lock" "better"
	verdict_of diff-json jq -ce '.rows[] | select(.subject == "cache_lock" and .key == "wait_ratio") |
		select(.change == "better" and .before > 10 * .after)' "$work/d.json"
	"$concprof" diff "$work/after.cprof" "$work/before.json" --fail-if 'lock.wait_ratio > +10%' \
		--fail-if 'verdict != none' > /dev/null 2> "$work/d.err"
	status=$?
	if [ "$status" = 3 ] && [ "$(wc -l < "$work/d.err")" = 2 ]; then
		ok diff-gate "$(head -n 1 "$work/d.err")"
	else
		fail diff-gate "status $status: $(< "$work/d.err")"
	fi
	"$concprof" diff "$work/before.cprof" "$work/before.json" -f json > "$work/same.json"
	verdict_of diff-same jq -ce 'all(.rows[]; .change == "same") and (.rows | length > 5)' "$work/same.json"
}

completes()
{
	local what=$1 expected=$2 seen=$3
	if [ "$seen" = "$expected" ]; then
		ok "$what" "$seen"
	else
		fail "$what" "'$seen', not '$expected'"
	fi
}

# shellcheck disable=SC2016 # expanded by the shells
case_docs()
{
	local doc=build/doc
	# Without a date it is the same from each build.
	completes man "" "$(mandoc -Tlint -W warning "$doc"/concprof.1 | grep -v 'missing date')"
	completes bash "--format perfetto pprof diff doctor" "$(bash -c '. "$1"
		try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _concprof; echo "${COMPREPLY[@]}"; }
		try concprof --fo; try concprof report x -f p; try concprof d' - "$doc"/concprof.bash | xargs)"
	completes fish "--format perfetto pprof diff doctor" "$(mkdir -p "$work/empty" &&
		cd "$work/empty" && HOME=$work fish -c 'source $argv[1]
		complete -C "concprof --fo"; complete -C "concprof report -f p"; complete -C "concprof d"' \
		"$OLDPWD/$doc/concprof.fish" | cut -f 1 | xargs)"
	completes zsh _concprof "$(zsh -f -c 'autoload -U compinit; compinit -u -D; source $1; echo $_comps[concprof]' \
		- "$doc"/concprof.zsh)"
}

choose_cases reports "$@"
run_cases
