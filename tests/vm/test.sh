#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test.sh [run.sh's options] KERNEL_DIR [-- COMMAND [ARGUMENT..]]
#
# On the kernel that kernel.sh unpacked into KERNEL_DIR, run the kernel tests if they are built,
# then COMMAND; both from the checkout's root, which is read-only there. Prints the guest's kernel
# version. Fails if either fails, if there is neither, or if the guest runs another kernel.
set -euo pipefail

usage()
{
	echo "usage: test.sh [run.sh's options] KERNEL_DIR [-- COMMAND..]" >&2
	exit 2
}

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# An emulated processor is slow: more than run.sh's default. A -t given comes later and wins.
options=(-t 400)
while getopts m:c:t:r:w:v option; do
	case $option in
	r | w)
		dir=$(realpath -e "$OPTARG") || exit 2
		options+=("-$option" "$dir")
		;;
	v) options+=(-v) ;;
	'?') usage ;;
	*) options+=("-$option" "$OPTARG") ;;
	esac
done
shift $((OPTIND - 1))
[[ $# = 1 || ( $# -ge 3 && $2 = -- ) ]] || usage
kernel_dir=$(realpath "$1")
shift
[ $# = 0 ] || shift
release=$(basename "$(echo "$kernel_dir"/boot/vmlinuz-*)")

cd "$here/../.."
exec "$here/run.sh" "${options[@]}" "$kernel_dir" -- \
	tests/vm/guest.sh "${release#vmlinuz-}" "$@"
