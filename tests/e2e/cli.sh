#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Bad input that needs no kernel side: each gets one clear line and the right exit status, and leaves
# nothing behind.  And, where there are the rights, a command that concprof starts.
# Usage: tests/e2e/cli.sh [CONCPROF]
set -u
concprof=$(realpath "${1:-./concprof}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
checks=0
failures=0
no_such_pid=4194304 # PIDs end below 2^22

fail() {
	failures=$((failures + 1))
	echo "FAIL: $1"
	[ $# -lt 2 ] || sed 's/^/    /' "$2"
}

# told WHAT: the last command's stderr, in ./err, is one line "concprof: .." that matches $2, its
# status $3 is $4, and its stdout, in ./out, is empty.
told() {
	local what=$1 pattern=$2 status=$3 expected=$4
	checks=$((checks + 1))
	if [ "$status" != "$expected" ]; then
		fail "$what: exit status $status, not $expected" err
	elif [ "$(wc -l <err)" != 1 ] || ! grep -q '^concprof: ' err; then
		fail "$what: not one line" err
	elif ! grep -qE -- "$pattern" err; then
		fail "$what: does not say '$pattern'" err
	elif [ -s out ]; then
		fail "$what: prints to standard output" out
	fi
}

# refused STATUS PATTERN ARG..
refused() {
	local expected=$1 pattern=$2
	shift 2
	"$concprof" "$@" >out 2>err </dev/null
	told "concprof $*" "$pattern" $? "$expected"
}

same() { # WHAT ACTUAL EXPECTED
	checks=$((checks + 1))
	[ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
}

# wrong use: 2
refused 2 'no target'
refused 2 'unknown option' --nonsense
refused 2 'unknown option' -p $$ -Z
refused 2 'no process ID' -p abc
refused 2 'no process ID' -p 0
refused 2 'no process ID' -p -1
refused 2 'no process ID' -p 1,
refused 2 'no process ID' -p 12345678901234567890
refused 2 'needs an argument' -p
refused 2 'out of range' -p $$ -d 0
refused 2 'not a number' -p $$ -d -1
refused 2 'not a number' -p $$ -d abc
refused 2 'not a number' -p $$ -d ''
refused 2 'not a number' -p $$ -d inf
refused 2 'out of range' -p $$ --freq 1000000
refused 2 'unknown format' -p $$ -f yaml
refused 2 'ending' -p $$ -o report
refused 2 'ending' -p $$ -o report.exe
refused 2 'more than one target' -p $$ --comm bash
refused 2 'no command' --
refused 1 'to be a terminal' --tui -p $$
refused 2 'takes two captures' diff a.cprof
refused 2 'no such format' diff a.cprof b.cprof -f csv
refused 2 'no such figure' diff a.cprof b.cprof --fail-if 'lock.cost > 1'
refused 1 'a.cprof: cannot be read' diff a.cprof b.cprof
refused 2 'no capture' report
refused 2 'no meaning' report a.cprof -p $$
refused 2 'not expected' bash
refused 2 "concprof -p $$" $$

# targets that are none: 1
refused 1 "process $no_such_pid: no such process" -p $no_such_pid
refused 1 'no such process' -p "$$,$no_such_pid"
refused 1 'no such process' doctor -p $no_such_pid
refused 1 'no process has this name' --comm no-such-comm-
refused 1 'no such cgroup' --cgroup /no/such/cgroup
bash -c 'exec "$0" -p $$' "$concprof" >out 2>err
told 'concprof -p ITSELF' 'is concprof itself' $? 1
sleep 0 &
ended=$!
wait $ended
refused 1 "process $ended: no such process" -p $ended
if [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ]; then
	refused 1 'is a kernel thread' -p 2
else
	echo 'skipped: no kernel thread is visible here'
fi

# names that a terminal must not see raw
refused 1 '^concprof: a\\x0ab\\x1b\[31m\\xff: ' --comm $'a\nb\e[31m\xff'
refused 2 'x\\x0ay: unknown option' $'--x\ny'

# outputs that cannot be written: 1, before anything is attached
mkdir folder.txt
echo precious >victim
ln -s victim link.txt
refused 1 'none/a.json: cannot be written: No such file' -p $$ -o none/a.json
refused 1 'a folder' -p $$ -o folder.txt
refused 1 'symbolic link' -p $$ -o link.txt
refused 1 'cannot be written: Not a directory' -p $$ -o victim/a.txt
refused 1 'none/b.txt' -p $$ -o good.txt -o none/b.txt
same 'a link is not followed' "$(cat victim)" precious
same 'nothing is left behind' "$(find . -name '*.tmp' -o -name good.txt)" ''

# shellcheck disable=SC2016 # expanded by the inner shell
read -r -d '' full_disk <<'END'
	mount -t tmpfs -o size=64k none "$2" || exit 77
	cat /dev/zero >"$2/fill" 2>/dev/null
	"$1" -p $$ -o "$2/a.json" >out 2>err
	status=$?
	[ "$(ls -A "$2")" = fill ] || echo 'a file is left behind' >>err
	exit $status
END
# shellcheck disable=SC2016
read -r -d '' read_only <<'END'
	mount -t tmpfs -o ro none "$2" || exit 77
	"$1" -p $$ -o "$2/a.json" >out 2>err
END
if unshare -m true 2>/dev/null; then
	mkdir mount
	unshare -m bash -c "$full_disk" - "$concprof" mount
	told 'a full disk' 'mount/a.json: cannot be written: No space left' $? 1
	unshare -m bash -c "$read_only" - "$concprof" mount
	told 'a read-only folder' 'mount/a.json: cannot be written: Read-only' $? 1
else
	echo 'skipped: full disk and read-only folder (no right to mount)'
fi

# no rights; which ones it takes is said in the same words everywhere
rights='root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE'
if [ "$(id -u)" != 0 ]; then
	refused 1 "no rights: .*$rights.*sudo" -p $$
elif chmod 755 . && install -m 755 "$concprof" ./copy &&
	setpriv --reuid 65534 --regid 65534 --clear-groups ./copy --version >/dev/null 2>&1; then
	setpriv --reuid 65534 --regid 65534 --clear-groups ./copy -p $$ >out 2>err
	told 'concprof without rights' "no rights: .*$rights.*sudo" $? 1
	setpriv --reuid 65534 --regid 65534 --clear-groups ./copy doctor >out 2>err
	same 'exit status of doctor without rights' $? 1
	same 'doctor without rights: the answer first' "$(head -n 1 out)" \
		'concprof cannot profile here: right CAP_BPF, right CAP_PERFMON are missing.'
	same 'doctor without rights: no row that is ok' "$(grep -cE '^.{35}ok ' out)" 0
	same 'doctor without rights: its cause' "$(grep -c '^right CAP_BPF .*missing' out)" 1
	same 'doctor without rights: not what follows from it' "$(grep -cE '^(program|map|helper)' out)" 0
	setpriv --reuid 65534 --regid 65534 --clear-groups ./copy doctor --verbose >out 2>err
	same 'doctor --verbose: what follows, too' "$(grep -cE '^program tp_btf/sched_switch .*missing' out)" 1
	same 'doctor --verbose: what is ok, too' "$(grep -c '^kernel .*ok ' out)" 1
else
	echo 'skipped: rights cannot be given up here'
fi

# captures that are none: 1
echo 'no capture at all, but long enough to hold a header of any sensible length' >text.cprof
: >empty.cprof
head -c 100000 /dev/urandom >random.cprof
refused 1 'missing.cprof: cannot be read: No such file' report missing.cprof
refused 1 'folder.txt' report folder.txt
refused 1 'text.cprof: ' report text.cprof
refused 1 'empty.cprof: ' report empty.cprof
refused 1 'random.cprof: ' report random.cprof
refused 1 'text.cprof: ' report text.cprof -o out.json
same 'no report of a bad capture' "$(find . -name out.json)" ''

# standard output
"$concprof" --version >out 2>err
same 'exit status of --version' $? 0
same 'concprof --version' "$(grep -cE '^concprof [0-9]+\.[0-9]+\.[0-9]+$' out)" 1
"$concprof" --help >out 2>err
same 'exit status of --help' $? 0
same 'rights in concprof --help' "$(grep -c "Profiling takes $rights\." out)" 1
same 'concprof --help' "$(grep -c -e '--no-children' out)" 1
same 'no messages with --help' "$(cat err)" ''
: >out
"$concprof" --help >/dev/full 2>err
told 'concprof --help >/dev/full' 'standard output: cannot be written: No space' $? 1
# A reader that is gone for sure: the pipe's reading end is closed before concprof starts.
mkfifo pipe
exec 3<>pipe
exec 4>pipe
exec 3<&-
"$concprof" --help >&4 2>err
same 'exit status when nobody reads' $? 1
same 'no complaint when nobody reads' "$(cat err)" ''
exec 4>&-

# A command counts from its exec on: sleep(1) sleeps and does nothing else, while concprof's own child
# waits for its start in a read before it becomes that.
if "$concprof" doctor >rights 2>&1; then
	same 'doctor: the answer first' "$(head -n 1 rights)" 'concprof can profile here.'
	same 'doctor: no row that is ok' "$(grep -cE '^.{35}ok ' rights)" 0
	"$concprof" -f json -- sleep 0.2 >out 2>err
	same 'exit status of a command' $? 0
	same 'a command is what it is since its exec' "$(jq -c '[.threads[] | [.name, .classes.pool_idle]],
		[.blocks[] | select(.class != "disk").syscall]' out | tr -d '\n')" \
		'[["sleep",0]]["clock_nanosleep"]'
	same 'the process of a command' "$(jq -c '[.processes[] | .comm, .execs]' out)" '["sleep",1]'
	refused 1 'no-such-command-: command not found' -- no-such-command-
else
	echo "skipped: a command of its own (no rights: $(head -n 1 rights))"
fi

echo "$checks checks of the command line, $failures failed"
[ "$failures" = 0 ]
