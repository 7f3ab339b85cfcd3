#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh DEST [PACKAGE]
#
# Download a kernel by apt and unpack it into DEST for run.sh; nothing is installed. PACKAGE is a
# kernel image (linux-image-6.1.0-56-cloud-amd64) or a meta-package that depends on one; by default
# linux-image-cloud-amd64, which on Debian 12 means its newest 6.1 cloud kernel. Does nothing when
# DEST already holds that package in the version that apt would give.
#
# DEST afterwards: boot/vmlinuz-RELEASE, boot/config-RELEASE, lib/modules/RELEASE/ with its
# dependency lists, and `package`, the name and version that were unpacked.
set -euo pipefail

fail()
{
	echo "kernel.sh: $*" >&2
	exit 1
}

# field NAME < `apt-cache show` output: the value of one control field
field()
{
	sed -n "s/^$1: //p" | head -n 1
}

[ $# = 1 ] || [ $# = 2 ] || {
	echo "usage: kernel.sh DEST [PACKAGE]" >&2
	exit 2
}
dest=${1%/}
package=${2-linux-image-cloud-amd64}
command -v depmod > /dev/null || fail "depmod is missing: install tests/vm/packages.txt"

# A meta-package only names the image that is current; an image itself depends on no other image.
about=$(apt-cache show --no-all-versions "$package") ||
	fail "apt knows no package $package: run apt-get update, or name another one"
image=$(field Depends <<< "$about" | grep -oE 'linux-image-[^ ,|]+' | head -n 1) || image=
if [ -n "$image" ]; then
	package=$image
	about=$(apt-cache show --no-all-versions "$package") || fail "apt knows no package $package"
fi
version=$(field Version <<< "$about")
[ -n "$version" ] || fail "apt names no version of $package: it cannot be downloaded"

if [ -f "$dest/package" ]; then
	[ "$(< "$dest/package")" != "$package $version" ] || exit 0
elif [ -n "$(ls -A "$dest" 2> /dev/null)" ]; then
	fail "$dest is not empty and not of this script's making: name another folder"
fi

# Everything happens beside DEST, which is replaced in one step: it is whole or not there.
mkdir -p "$(dirname "$dest")"
work=$(mktemp -d "$dest.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/root"
chmod 755 "$work/root"

# apt would hand the download to a user of its own, who may not write here.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package=$version")
dpkg-deb -x "$work"/*.deb "$work/root"

# Later packages have the modules below /usr; kmod's tools look in /lib.
[ -d "$work/root/lib/modules" ] || ln -s usr/lib "$work/root/lib"
modules=("$work"/root/lib/modules/*)
kernels=("$work"/root/boot/vmlinuz-*)
[[ ${#kernels[@]} = 1 && -f ${kernels[0]} && ${#modules[@]} = 1 ]] ||
	fail "$package $version does not hold one kernel and its modules: name another package"
depmod -b "$work/root" "$(basename "${modules[0]}")"

echo "$package $version" > "$work/root/package"
rm -rf "$dest"
mv -T "$work/root" "$dest"
echo "kernel.sh: $package $version is in $dest"
