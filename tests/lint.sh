#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh CFLAGS
#
# Everything that can be said against the sources without running them: formatting, the rules of
# the house (layers.py), a second compiler, cppcheck, clang-tidy, shellcheck, Python's compiler.
# `make lint` calls it with the build's own flags and the skeleton built; CC and CLANG name the
# compilers. Every check runs, whatever the others say; the exit status is 1 if one complains.
set -euo pipefail

[ $# = 1 ] || {
	echo "usage: lint.sh CFLAGS" >&2
	exit 2
}
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."

read -ra flags <<< "$1"
# The version's quotes do not outlive make and the shell.
for i in "${!flags[@]}"; do
	[[ ${flags[i]} != -DCONCPROF_VERSION=* ]] || flags[i]='-DCONCPROF_VERSION="lint"'
done
read -ra check_flags <<< "$(pkg-config --cflags check)"
flags+=(-Isamples "${check_flags[@]}")
jobs=$(nproc)
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

folders=()
for folder in bpf userspace tui tests samples vmlinux; do
	[ ! -d $folder ] || folders+=("$folder")
done
mapfile -t c_files < <(find "${folders[@]}" -name '*.[ch]' | sort)
mapfile -t sources < <(printf '%s\n' "${c_files[@]}" | grep '\.c$' | grep -v '^bpf/')
mapfile -t scripts < <(find tests samples .ci -type f \( -name '*.sh' -o -path .ci/run \) | sort)
mapfile -t python < <(find tests samples -name '*.py' | sort)
[ ${#sources[@]} -gt 0 ] || {
	echo "lint.sh: no sources below $PWD" >&2
	exit 2
}

format()
{
	clang-format --dry-run -Werror "${c_files[@]}"
}

layers()
{
	tests/layers_selftest.sh && python3 tests/layers.py
}

# The build's compiler has had its say in the build; this is the other one. bpf/ is clang's anyway.
second_compiler()
{
	local other=${CLANG:-clang}

	case ${CC:-gcc} in
	*clang*) other=gcc ;;
	esac
	# Samples are built without the build's -D_GNU_SOURCE: some say so themselves.
	printf '%s\0' "${sources[@]}" | grep -zv ^samples/ |
		xargs -0 -P "$jobs" -n 16 "$other" "${flags[@]}" -Werror -fsyntax-only &&
		"$other" "${flags[@]}" -U_GNU_SOURCE -Werror -fsyntax-only samples/*.c
}

# Off: leaks, which it sees wherever _cleanup_ (base/cleanup.h) releases, and which are for
# LeakSanitizer in the unit tests; readdir_r, which is deprecated; a truth value as an exit status.
# tests/ is left out: it hands over nonsense on purpose.
cpp_check()
{
	local where=(userspace samples)

	[ ! -d tui ] || where+=(tui)
	cppcheck --quiet --error-exitcode=1 --template='{file}:{line}: {severity}: {message} [{id}]' \
		-j "$jobs" --std=c11 --language=c --library=posix,gnu \
		--enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak \
		--suppress=readdirCalled --suppress=invalidFunctionArgBool \
		-Iuserspace -I. -Isamples -D_GNU_SOURCE '-DCONCPROF_VERSION="lint"' \
		'-DLIBBPF_OPTS(type,name,...)=struct type name' "${where[@]}"
}

# Quiet where there is nothing to say: else it counts the warnings of the system's headers.
tidy_one()
{
	local said checks=

	# Tests are walked through for real, under sanitizers; the walk on paper takes too long.
	[[ $1 != tests/* ]] || checks="-clang-analyzer-*"
	said=$(clang-tidy --quiet --checks="$checks" "$1" -- "${@:2}" 2>&1) || {
		echo "$said"
		return 1
	}
}

tidy()
{
	export -f tidy_one
	printf '%s\0' "${sources[@]}" |
		xargs -0 -P "$jobs" -I{} bash -c 'tidy_one "$@"' tidy {} "${flags[@]}"
}

shell_check()
{
	# SC2317: functions that a trap or another function's argument calls seem unreachable to it.
	shellcheck --external-sources --exclude=SC2317 "${scripts[@]}"
}

python_check()
{
	[ ${#python[@]} = 0 ] ||
		PYTHONPYCACHEPREFIX=$temporary python3 -W error -m py_compile "${python[@]}"
}

complaints=()
checks=0
# check NAME FUNCTION: what it prints is shown only if it complains
check()
{
	local start=$SECONDS

	checks=$((checks + 1))
	if "$2" > "$temporary/said" 2>&1; then
		echo "lint: $1: ok ($((SECONDS - start)) s)"
	else
		complaints+=("$1")
		cat "$temporary/said"
		echo "lint: $1: FAILED"
	fi
}

check clang-format format
check layers layers
check "second compiler" second_compiler
check cppcheck cpp_check
check shellcheck shell_check
check python python_check
check clang-tidy tidy

if [ ${#complaints[@]} -gt 0 ]; then
	echo "lint: ${#complaints[@]} of $checks checks failed: $(
		IFS=,
		echo "${complaints[*]}"
	)"
	exit 1
fi
echo "lint: $checks checks passed"
