#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints the version and the image of the kernel to boot: $KVER, or the newest
# one that has its headers installed and can mount the host's files over 9p, or
# has no need to because it is given some, $FILES.
# With $KROOT it is looked for in that directory, and its headers, which are
# for the programs there, do not matter.

. "${0%/*}/common.sh"

image()
{
	for file in "$KROOT/boot/vmlinuz-$1" "$KROOT/lib/modules/$1/vmlinuz"; do
		if [ -r "$file" ]; then
			echo "$file"
			return
		fi
	done
	return 1
}

bootable()
{
	{ [ "$KROOT" ] || [ -f "/lib/modules/$1/build/Makefile" ]; } &&
		image "$1" >/dev/null &&
		{ [ "$FILES" ] ||
			/sbin/modprobe -q -n -d "$KROOT/" -S "$1" 9p; }
}

if [ -n "$KVER" ]; then
	bootable "$KVER" ||
		die "cannot boot kernel $KVER: image, headers or 9p module missing"
	echo "$KVER $(image "$KVER")"
	exit
fi

for dir in "$KROOT"/lib/modules/*; do
	version=${dir##*/}
	! bootable "$version" || echo "$version $(image "$version")"
done | sort -V | tail -n 1 | grep . || die "found no kernel to boot"
