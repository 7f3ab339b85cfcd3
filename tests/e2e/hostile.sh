#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hostile.sh [NAME..]
#
# Files that a target can make to mislead or harm who reads them: damaged and monstrous ELF files, and
# maps of compiled code that are none. Each gives a note in the report; none stops the run.
# shellcheck disable=SC2317 # the cases are called by their names
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CASES="jit_named jit_symlink jit_fifo jit_folder jit_huge jit_other_user elf_cut elf_sections elf_symbols"
MAP_PATTERN='/tmp/perf-%d.map'

build()
{
	[ -x "$work/spin" ] || gcc -O2 -o "$work/spin" "$e2e/hostile/spin.c" -ldl
}

# started_spin [LIBRARY]: a program that computes in code of its own making, or in the library
started_spin()
{
	spin_log=$(mktemp "$work/spin.XXXX")
	start "$spin_log" "$work/spin" "$@"
	spin=$started
	until_true 20 grep -q '^ready' "$spin_log"
}

# shown NAME NOTE MODULE [FUNCTION]: profile it; its report must have the note (- for none) on the module,
# and the function on a stack
shown()
{
	local name=$1 status=0
	shift
	"$concprof" -p "$spin" -d 0.5 -o "$work/$name.json" > /dev/null 2> "$work/$name.err" || status=$?
	stop "$spin" KILL
	if [ "$status" != 0 ] || [ ! -s "$work/$name.json" ]; then
		fail "$name" "exit status $status: $(tail -n 2 "$work/$name.err" | tr '\n' ' ')"
		return
	fi
	verdict_of "$name" python3 "$e2e/check_hostile.py" "$work/$name.json" "$@" || keep "$name" "$work/$name.json"
}

# with_map COMMAND..: make the map of $spin by the command, which gets its path; sets $map
with_map()
{
	# shellcheck disable=SC2059 # the pattern is ours
	map=$(printf "$MAP_PATTERN" "$spin")
	maps+=("$map")
	"$@"
}

write_map()
{
	sed -n "s/^code \(.*\)/\1 40 spin_compiled/p" "$spin_log" > "$map"
}

link_map()
{
	map+=.real
	write_map && mv "$map" "$work/linked" && ln -s "$work/linked" "${map%.real}"
}

fifo_map()
{
	mkfifo "$map"
}

folder_map()
{
	mkdir "$map"
}

huge_map()
{
	write_map && truncate -s 2G "$map"
}

foreign_map()
{
	write_map && chown 65534 "$map"
}

case_jit_named() { started_spin && with_map write_map && shown jit_named - - spin_compiled; }
case_jit_symlink()
{
	started_spin && with_map link_map && shown jit_symlink perf_map_refused "perf-$spin.map" -
}
case_jit_fifo() { started_spin && with_map fifo_map && shown jit_fifo perf_map_refused "perf-$spin.map"; }
case_jit_folder() { started_spin && with_map folder_map && shown jit_folder perf_map_refused "perf-$spin.map"; }
case_jit_huge() { started_spin && with_map huge_map && shown jit_huge - - spin_compiled; }
case_jit_other_user()
{
	started_spin && with_map foreign_map && shown jit_other_user perf_map_refused "perf-$spin.map"
}

# library NAME HOW: load a library, then damage its file where nothing is mapped
library()
{
	local name=$1 how=$2 file=$work/$1.so
	gcc -O2 -shared -fPIC -o "$file" "$e2e/hostile/library.c" || return 1
	started_spin "$file" && python3 "$e2e/hostile/damage.py" "$how" "$file"
}

case_elf_cut() { library elf_cut cut && shown elf_cut corrupt elf_cut.so; }
case_elf_sections() { library elf_sections sections && shown elf_sections corrupt elf_sections.so; }
case_elf_symbols() { library elf_symbols symbols && shown elf_symbols symbols_dropped elf_symbols.so; }

# shellcheck disable=SC2317 # called by a trap
remove_maps()
{
	local path
	for path in "${maps[@]}"; do
		rm -rf -- "$path"
	done
	clean_up
}

maps=() map='' spin='' spin_log=''
trap remove_maps EXIT
choose_cases hostile "$@"
need_rights hostile
build || exit 1
run_cases
