#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve.sh DIR ro|rw VIEW SOCKET
#
# Become a virtiofsd that serves DIR on SOCKET. run.sh starts it in a mount namespace of its own,
# because Debian 12's virtiofsd cannot refuse writes by itself: DIR is mounted on VIEW there (an
# empty folder), read-only as asked. With ro, the disks mounted below DIR are part of it too.
set -euo pipefail

dir=$1 mode=$2 view=$3 socket=$4
cache=auto

# mount_view FROM TO
mount_view()
{
	mount --bind "$1" "$2"
	mount -o "remount,bind,$mode" "$2"
}

disks=$(findmnt -rn -o TARGET --real)
mount_view "$dir" "$view"
if [ "$mode" = ro ]; then
	cache=always
	while IFS= read -r disk; do
		disk=$(printf %b "$disk") # findmnt writes a space as \x20
		below=${disk#"${dir%/}"/}
		[ "$below" = "$disk" ] || [ -z "$below" ] || mount_view "$disk" "$view/$below"
	done <<< "$disks"
fi

# virtiofsd would leave a lock file here.
mount -t tmpfs tmpfs /run
# Where Debian 12 has it: not in PATH.
exec /usr/lib/qemu/virtiofsd -f --socket-path="$socket" \
	-o "source=$view,sandbox=chroot,cache=$cache,log_level=err"
