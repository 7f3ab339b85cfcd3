#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The guest's first process, started from the initramfs that run.sh makes: it mounts the host's
# files, runs /command there and powers off. Beside it lie bin/busybox, modules/ (numbered in the
# order to insert them), share-type (9p or virtiofs), shares (what to mount besides /: a tag, ro or
# rw, and the folder on each line) and command.

/bin/busybox --install -s /bin
export PATH=/bin

fail()
{
	echo "init.sh: $*" >&2 # the console
	reboot -f
}

# share TAG DIR ro|rw: mount a share of the host's
share()
{
	if [ "$type" = virtiofs ]; then
		mount -t virtiofs -o "$3" "$1" "$2"
	else
		# What is read-only may be cached; what is not must allow mmap of files.
		cache=loose
		[ "$3" = ro ] || cache=mmap
		mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,cache=$cache,$3" "$1" "$2"
	fi || fail "cannot mount $1 on $2 by $type"
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do
	[ ! -f "$module" ] || insmod "$module" || fail "cannot insert $module"
done

type=$(cat /share-type)
root=/host
share share0 $root ro
for dir in dev proc sys; do
	mount --move /$dir $root/$dir
done
for dir in tmp run var/tmp dev/shm; do
	mkdir -p $root/$dir
	mount -t tmpfs -o mode=1777 tmpfs $root/$dir
done
mkdir -p $root/dev/pts
mount -t devpts devpts $root/dev/pts
# bash opens process substitutions by this name.
ln -s /proc/self/fd $root/dev/fd
mount -t tracefs tracefs $root/sys/kernel/tracing
mount -t debugfs debugfs $root/sys/kernel/debug
mount -t bpf bpf $root/sys/fs/bpf
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
ifconfig lo 127.0.0.1 up
hostname concprof-vm

while read -r tag mode dir; do
	mkdir -p "$root$dir"
	share "$tag" "$root$dir" "$mode"
done < /shares

cp /command $root/run/command
for tty in ttyS1 ttyS2; do
	stty -F $root/dev/$tty raw -echo 115200
done
chroot $root /bin/bash /run/command < $root/dev/null > $root/dev/ttyS1 2>&1
echo $? > $root/dev/ttyS2
sync
# stty changes a line only after it has sent everything.
stty -F $root/dev/ttyS1 sane
stty -F $root/dev/ttyS2 sane
reboot -f
