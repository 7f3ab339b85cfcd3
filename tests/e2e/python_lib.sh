# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of several versions of Python share; sourced after lib.sh.

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
