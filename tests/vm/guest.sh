#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh RELEASE [COMMAND [ARGUMENT..]]
#
# What test.sh runs in the guest, from the checkout's root: the kernel tests if they are built,
# then COMMAND. Both run even if the first fails. Fails if one failed, if the kernel is not
# RELEASE, or if there was nothing to run.
set -uo pipefail

KERNEL_TESTS=build/tests/kernel_tests

# run COMMAND..: run it and keep account
run()
{
	local start=$SECONDS status=0
	echo "vm: running $*"
	"$@" || status=$?
	echo "vm: exit status $status after $((SECONDS - start)) s: $*"
	ran=$((ran + 1))
	[ $status = 0 ] || failed=$((failed + 1))
}

ran=0 failed=0
echo "vm: kernel $(uname -r), $(nproc) processors"
[ "$(uname -r)" = "$1" ] || {
	echo "vm: kernel $1 was to be booted"
	exit 1
}
shift

# Everything takes ten times as long on an emulated processor, and so may Check's tests.
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-10}
export TRIES=${TRIES-3}
# Those in which kernels differ; all of them would take a quarter of an hour here.
export KERNEL_SUITES=${KERNEL_SUITES-class lock seed futex blame life}
[ ! -x $KERNEL_TESTS ] || run ./$KERNEL_TESTS
[ $# = 0 ] || run "$@"

[ $ran -gt 0 ] || {
	echo "vm: nothing to run: build $KERNEL_TESTS or name a command"
	exit 1
}
echo "vm: kernel $(uname -r): $ran run, $failed failed"
[ $failed = 0 ]
