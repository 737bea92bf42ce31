#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints the version and the image of the kernel to boot: $KVER, or the newest
# one that has its headers installed and can mount the host's files over 9p.

. "${0%/*}/common.sh"

image()
{
	for file in "/boot/vmlinuz-$1" "/lib/modules/$1/vmlinuz"; do
		if [ -r "$file" ]; then
			echo "$file"
			return
		fi
	done
	return 1
}

bootable()
{
	[ -f "/lib/modules/$1/build/Makefile" ] && image "$1" >/dev/null &&
		/sbin/modprobe -q -n -S "$1" 9p
}

if [ -n "$KVER" ]; then
	bootable "$KVER" ||
		die "cannot boot kernel $KVER: image, headers or 9p module missing"
	echo "$KVER $(image "$KVER")"
	exit
fi

for dir in /lib/modules/*; do
	version=${dir##*/}
	! bootable "$version" || echo "$version $(image "$version")"
done | sort -V | tail -n 1 | grep . || die "found no kernel to boot"
