# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that run one program at a time; sourced, not run. Who starts it in the background, so that a signal is
# heeded before its end, keeps its id in $child; a signal then ends the script by its EXIT trap, which calls end_child.
child=''

end_child()
{
	if [ -n "$child" ]; then
		kill "$child" 2> /dev/null
		wait "$child"
	fi
}

trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
