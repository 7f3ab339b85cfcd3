#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [options] KERNEL_DIR -- COMMAND [ARGUMENT..]
#
# Boot the kernel that kernel.sh unpacked into KERNEL_DIR and run COMMAND in it as root, on this
# machine's own files: / read-only at the same paths, the caller's working directory, PATH, HOME
# and locale, and an empty tmpfs on /tmp, /run, /var/tmp and /dev/shm. What COMMAND prints comes
# out on stdout; its exit status is run.sh's. Needs root and tests/vm/packages.txt.
#
#   -m MB       memory of the guest (1024)
#   -c CPUS     its processors (2)
#   -t SECONDS  end it after this time, boot included (120)
#   -r DIR      show DIR though it lies below one of the tmpfs (for the working directory this is
#               done unasked); again for more
#   -w DIR      let the guest write below DIR; again for more
#   -v          the kernel's messages on stderr
#
# Exit status besides COMMAND's: 2 usage, 124 out of time, 125 no exit status came from the guest
# (it did not boot, or it crashed). After 124 and 125 the end of the guest's console is on stderr.
# Nothing outlives the run: qemu, virtiofsd and mounts end with run.sh, also when it is killed by
# KILL, which leaves only its folder in /tmp.
set -Eeuo pipefail
trap 'exit 125' ERR # not a status that could be COMMAND's

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

usage()
{
	echo "usage: run.sh [-m MB] [-c CPUS] [-t SECONDS] [-r DIR].. [-w DIR].. [-v]" \
		"KERNEL_DIR -- COMMAND.." >&2
	exit 2
}

fail()
{
	echo "run.sh: $*" >&2
	exit 125
}

# shellcheck disable=SC2317 # called by a trap
clean_up()
{
	trap '' INT TERM HUP
	trap - ERR
	set +e
	# timeout passes TERM on to qemu, and kills it if that does not help.
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2> /dev/null
	[ -z "$qemu_pid" ] || wait "$qemu_pid"
	# shellcheck disable=SC2046 # a list of numbers: the virtiofsds, which keep no state
	kill -KILL $(jobs -pr) 2> /dev/null
	exec 3>&- 4>&-
	wait
	rm -rf "$work"
	rmdir "$work.view"
}

# modules NAME..: the files to insert for these modules, dependencies first; fails if the kernel
# has not got one of them. Prints nothing for what is built in.
modules()
{
	local name list
	for name; do
		list=$(modprobe -d "$kernel_dir" -S "$release" --show-depends "$name" 2> /dev/null) ||
			return 1
		sed -n 's/^insmod \([^ ]*\).*/\1/p' <<< "$list"
	done
}

# copy_modules NAME..: put them into the initramfs, numbered in the order to insert them
copy_modules()
{
	local list file number=100
	list=$(modules "$@") || fail "kernel $release lacks one of the modules $*"
	awk 'NF && !seen[$0]++' <<< "$list" | while IFS= read -r file; do
		number=$((number + 1))
		case $file in
		*.xz) xz -dc "$file" > "$init/modules/$number.ko" ;;
		*) cp "$file" "$init/modules/$number.ko" ;;
		esac
	done
}

# start_virtiofsd TAG DIR ro|rw: serve DIR to the guest, ready when this returns
start_virtiofsd()
{
	local socket=$work/$1.sock log=$work/$1.log tries=0
	setpriv --pdeathsig KILL unshare --mount --propagation private \
		bash "$HERE/serve.sh" "$2" "$3" "$work.view" "$socket" < /dev/null > "$log" 2>&1 3>&- 4>&- &
	until [ -S "$socket" ]; do
		if [ $tries = 500 ] || ! kill -0 $! 2> /dev/null; then
			fail "cannot share $2 with the guest: $(< "$log")"
		fi
		tries=$((tries + 1))
		sleep 0.02
	done
}

# share DIR ro|rw: add DIR to the guest's devices and, but for /, to what it is to mount
share()
{
	local tag=share$shares option=
	shares=$((shares + 1))
	[ "$1" = / ] || echo "$tag $2 $1" >> "$init/shares"
	if [ "$share_type" = 9p ]; then
		[ "$2" = rw ] || option=,readonly=on
		qemu+=(-virtfs "local,path=${1//,/,,},mount_tag=$tag,security_model=none,multidevs=remap$option")
	else
		start_virtiofsd "$tag" "$1" "$2"
		qemu+=(-chardev "socket,id=$tag,path=$work/$tag.sock"
			-device "vhost-user-fs-pci,chardev=$tag,tag=$tag")
	fi
}

# --- what is asked for ---

memory_mb=1024 cpus=2 limit_s=120 quiet="quiet loglevel=4" verbose=
shown=() writable=()
while getopts m:c:t:r:w:v option; do
	case $option in
	m) memory_mb=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit_s=$OPTARG ;;
	r | w)
		dir=$(realpath -e "$OPTARG") || exit 2
		if [ "$option" = r ]; then shown+=("$dir"); else writable+=("$dir"); fi
		;;
	v) quiet='' verbose=y ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -ge 3 && $2 = -- ]] || usage
[[ $memory_mb =~ ^[1-9][0-9]*$ && $cpus =~ ^[1-9][0-9]*$ && $limit_s =~ ^[1-9][0-9]*$ ]] || usage
kernel_dir=$(realpath "$1")
shift 2
here=$(pwd -P)
case $here in
/tmp/?* | /run/?* | /var/tmp/?* | /dev/shm/?*) shown+=("$here") ;;
esac

[ "$(id -u)" = 0 ] || fail "only root can share / with the guest: use sudo"
for tool in qemu-system-x86_64 busybox cpio modprobe; do
	command -v $tool > /dev/null || fail "$tool is missing: install tests/vm/packages.txt"
done
kernel=("$kernel_dir"/boot/vmlinuz-*)
[ -f "${kernel[0]}" ] || fail "$kernel_dir holds no kernel: make it by tests/vm/kernel.sh"
release=${kernel[0]##*/vmlinuz-}

qemu_pid=
work=$(mktemp -d /tmp/concprof-vm.XXXXXX)
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# Where each virtiofsd mounts what it serves, seen by itself alone. Not within $work: should the
# mount ever be seen here, rmdir would refuse where rm -rf would empty /.
mkdir "$work.view"

# --- the initramfs: busybox, the modules that the shares need, what to do ---

init=$work/init
mkdir -p "$init"/{bin,dev,proc,sys,host,modules}
cp "$(command -v busybox)" "$init/bin/busybox"
cp "$HERE/init.sh" "$init/init"
chmod 755 "$init/init"

# 9p is served by qemu itself, but Debian's cloud kernels have only virtiofs.
if modules 9p > /dev/null; then
	share_type=9p
	copy_modules virtio_pci 9pnet_virtio 9p
else
	share_type=virtiofs
	copy_modules virtio_pci virtiofs
fi
echo $share_type > "$init/share-type"
{
	for name in PATH HOME LANG LC_ALL; do
		[ -z "${!name-}" ] || printf 'export %s=%q\n' $name "${!name}"
	done
	printf 'cd %q || exit 126\nexec' "$here"
	printf ' %q' "$@"
	echo
} > "$init/command"

# --- qemu ---

# What is to go to stdout and stderr takes a way round: qemu would leave these not blocking, to the
# harm of whoever else writes there.
exec 3> >(exec cat)
output_pid=$!
console=$work/console
if [ -n "$verbose" ]; then
	exec 4> >(exec cat >&2 3>&-)
	console=/dev/fd/4
fi

# ttyS0 is the console, ttyS1 the command's output, ttyS2 its exit status. The processor is
# emulated: a /dev/kvm that is there may still not work. tsc=reliable keeps the kernel from falling
# back to a clock that takes ten times as long to read, random.trust_cpu=on from waiting for
# entropy, la57=off from page tables of five levels. One thread for all processors: with one each
# (qemu 7.2) a processor now and then stays for good in the int3 of a static call that another one
# patches, as attaching to a tracepoint makes it do.
qemu=(qemu-system-x86_64 -accel "tcg,thread=single" -cpu "max,la57=off" -smp "$cpus"
	-m "$memory_mb" -nodefaults -no-user-config -no-reboot -display none
	-kernel "${kernel[0]}" -initrd "$work/initrd"
	-append "console=ttyS0 panic=-1 random.trust_cpu=on tsc=reliable $quiet"
	-serial "file:$console" -serial file:/dev/fd/3 -serial "file:$work/status")
# virtiofsd reads and writes the guest's memory.
[ $share_type = 9p ] ||
	qemu+=(-object "memory-backend-memfd,id=memory,size=${memory_mb}M,share=on"
		-numa "node,memdev=memory")
shares=0
: > "$init/shares"
share / ro
for dir in ${shown[@]+"${shown[@]}"}; do
	share "$dir" ro
done
for dir in ${writable[@]+"${writable[@]}"}; do
	share "$dir" rw
done
(cd "$init" && find . | cpio --quiet -o -H newc) > "$work/initrd"

# In the background and waited for, or bash would heed a signal only after qemu's end.
setpriv --pdeathsig TERM timeout -k 5 "$limit_s" "${qemu[@]}" < /dev/null &
qemu_pid=$!
ended=0
wait $qemu_pid || ended=$?
qemu_pid=
exec 3>&-
wait $output_pid || true # all output is out

# A whole line, or it is no exit status.
if [ -f "$work/status" ] && read -r status < "$work/status"; then
	exit "$status"
fi
{
	if [ $ended = 124 ]; then
		echo "run.sh: not done after $limit_s s"
	else
		echo "run.sh: no exit status came from the guest (qemu ended with $ended)"
	fi
	for log in "$work"/console "$work"/*.log; do
		[ ! -s "$log" ] || {
			echo "run.sh: the end of $(basename "$log"):"
			tail -n 40 "$log"
		}
	done
} >&2
[ $ended != 124 ] || exit 124
exit 125
