#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [SECONDS [NAME..]]
#
# Hostile input for every parser of a target's files and memory: each harness of tests/fuzz (NAME_fuzz.c) runs under
# libFuzzer, AddressSanitizer and UBSan for an equal share of SECONDS (default 60). It starts from seeds that are made
# here, of this machine's programs, each time anew: what earlier runs kept could take up the whole share by being read.
# An input that brings a harness down is kept in build/fuzz/crashes. Counted are mutated inputs alone, not the seeds.
# Where clang has no fuzzer runtime this is skipped with the reason, and fails with CI=true.
set -uo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
. tests/child.sh

seconds=${1-60}
[ $# = 0 ] || shift
names=("$@")
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: run.sh [SECONDS [NAME..]]" >&2
	exit 2
fi
if [ ${#names[@]} = 0 ]; then
	mapfile -t names < <(basename -a -s _fuzz.c tests/fuzz/*_fuzz.c)
fi

out=build/fuzz
mkdir -p $out || exit 1
work=$(mktemp -d) || exit 1
trap 'end_child; rm -rf "$work"' EXIT

if ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
	"${CLANG:-clang}" -fsanitize=fuzzer,address,undefined -x c - -o "$work/probe" 2> /dev/null; then
	if [ "${CI-}" = true ]; then
		echo "FAIL fuzz: clang has no fuzzer runtime (make deps-fuzz installs it)"
		exit 1
	fi
	echo "SKIP fuzz: clang has no fuzzer runtime (make deps-fuzz installs it)"
	exit 0
fi
make -s --no-print-directory fuzz-programs || exit 1

# ---- seeds: NAME's are the files that seed_NAME leaves in the directory it is given ----

# A small program with inlined functions, C's aggregates, and locks to name.
write_source()
{
	cat > "$work/a.c" << 'END'
#include <pthread.h>
struct shard { long hits; pthread_mutex_t lock; union { int i; double d; } u; };
struct cache { char name[24]; struct shard shards[2][3]; };
struct cache cache;
const volatile int limit = 3;
static pthread_rwlock_t table_lock;
static inline __attribute__((always_inline)) int inner(int x) { return x * cache.shards[0][1].hits; }
static inline __attribute__((always_inline)) int outer(int x) { return inner(x + 1) + limit; }
int take(int x) { static pthread_mutex_t once; pthread_mutex_lock(&once); return outer(x); }
int give(int x) { pthread_rwlock_rdlock(&table_lock); { int y = outer(x) + 2; return take(y); } }
END
}

# build OUT FLAG..: the program as a library, which is small
build()
{
	"${CC:-cc}" -w -O2 -fPIC -shared -nostdlib -o "$@" "$work/a.c"
}

seed_elf_syms()
{
	build "$1/symtab" && build "$1/dynsym" -s && cp /bin/true "$1/true"
}

seed_unwind_table()
{
	build "$1/library" && build "$1/debug_frame" -g -fno-asynchronous-unwind-tables &&
		build "$1/headless" -s -Wl,--hash-style=gnu && cp /bin/true "$1/true" &&
		objcopy -O binary --only-section=.eh_frame "$1/library" "$1/section" &&
		objcopy -O binary --only-section=.eh_frame /bin/true "$1/long"
}

seed_unwind_walk()
{
	head -c 1024 /dev/zero > "$1/zeros" && head -c 1024 build/fuzz/capture_seed > "$1/bytes"
}

seed_maps()
{
	cat /proc/self/maps > "$1/self" &&
		printf '7f00-8000 rw-s 00001000 00:01 5 /dev/shm/a\\012b (deleted)\n8000-9000 ---p 0 0:0 0 \n' > "$1/odd"
}

seed_perf_map()
{
	printf '7f00 10 LazyCompile:~f a.js:1\n7f08 20 py::g:/b.py\n0x7f30 0x8 h i\nffffffffffffff00 ff end\n' > "$1/jit" &&
		awk 'BEGIN { for (i = 0; i < 300; i++) printf "%x %x name%d\n", 4096 + i * 16, 16 + i, i }' > "$1/many" &&
		printf '1000 10 %0600d\n2000 10 b\n' 0 > "$1/long"
}

seed_debug_file()
{
	build "$work/plain" -Wl,--build-id && printf 'debug bytes' > "$work/debug" &&
		xz -c "$work/plain" > "$work/packed" &&
		objcopy --add-section=.gnu_debugdata="$work/packed" "$work/plain" "$1/mini" &&
		objcopy --add-gnu-debuglink="$work/debug" "$1/mini" "$1/link"
}

seed_dwarf()
{
	build "$1/five" -g -gdwarf-5 && build "$1/four" -g -gdwarf-4 && build "$1/packed" -g -gz &&
		build "$1/types" -g -fdebug-types-section
}

seed_capture()
{
	build/fuzz/capture_seed > "$1/story"
}

seed_demangle()
{
	printf _ZNSt6vectorIiSaIiEE9push_backERKi > "$1/cxx" &&
		printf _ZN4core3fmt9Formatter3pad17h0123456789abcdefE > "$1/rust" &&
		printf _RNvXs_CsbmNqQUJIY6D_4core3fooNtB2_3Foo3bar > "$1/rust0" &&
		printf _D3std5stdio__T7writelnTAyaZQoFNfQjZv > "$1/d" &&
		printf _ZZN1AIXadL_Z1fvEEE1bEvENKUlT_E_clIiEEDaS1_ > "$1/lambda" && printf main > "$1/plain"
}

# The process as it is, for each version, with a word changed that nobody reads, and without the type of code.
seed_python()
{
	local version

	for version in 00 01 02 03 04 05 80 81 82 83 84 85; do
		printf '\x%s' "$version" > "$1/$version" &&
			printf '\x%s\xf8\x0f\x07\x00ABCDEFGH' "$version" > "$1/$version-changed" || return
	done
}

# ---- runs ----

write_source

# said LOG: the first line of what went wrong
said()
{
	grep -m 1 -E 'does not hold|runtime error:|ERROR: (Address|Leak)Sanitizer|ERROR: libFuzzer|leaked' "$1" ||
		tail -n 1 "$1"
}

# fuzz NAME SECONDS
fuzz()
{
	local name=$1 seeds=$out/seeds/$1 corpus=$work/corpus/$1 log=$out/$1.log status=0 runs

	rm -rf "$seeds"
	mkdir -p "$seeds" "$corpus" $out/crashes
	if ! "seed_$name" "$seeds" > "$log" 2>&1; then
		echo "FAIL fuzz-$name: its seeds cannot be made: $(tail -n 1 "$log")"
		return 1
	fi
	if ! FUZZ_SEEDS=1 "$out/${name}_fuzz" "$seeds"/* > "$log" 2>&1; then
		echo "FAIL fuzz-$name: a seed is refused: $(said "$log")"
		return 1
	fi
	# In the background, or a signal would be heeded only after its end.
	"$out/${name}_fuzz" -max_total_time="$2" -timeout=30 -rss_limit_mb=512 -max_len=65536 -len_control=0 -keep_seed=1 \
		-print_final_stats=1 \
		-artifact_prefix="$out/crashes/$name-" "$corpus" "$seeds" > "$log" 2>&1 < /dev/null &
	child=$!
	wait "$child" || status=$?
	child=''
	runs=$(awk '/^#[0-9]+\tINITED/ { seeds = substr($1, 2) }
		/^stat::number_of_executed_units:/ { if (seeds) print $2 - seeds }' "$log")
	if [ "$status" = 0 ] && [ "${runs:-0}" = 0 ]; then
		echo "FAIL fuzz-$name: its time went by without one mutated input ($log)"
		return 1
	fi
	if [ "$status" != 0 ]; then
		echo "FAIL fuzz-$name: $(said "$log") (exit status $status; $log," \
			"$(grep -o "$out/crashes/$name-.*" "$log" | tail -n 1))"
		return 1
	fi
	echo "ok fuzz-$name: $runs runs"
}

# Freed memory that is watched must leave room below the limit of each harness.
export ASAN_OPTIONS=quarantine_size_mb=64
share=$((seconds / ${#names[@]}))
[ $share -gt 0 ] || share=1
failed=0
for name in "${names[@]}"; do
	fuzz "$name" $share || failed=1
done
exit $failed
