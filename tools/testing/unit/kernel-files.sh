#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel-files.sh DIR
#
# Puts what the unit tests need of the kernel's own tools/ into DIR: lists, red-
# black trees and what they include, made by the kernel's developers to be used
# in user space. They come from the kernel tree KSRC, or else from the newest of
# Debian's linux-source packages.

dir=$1

die()
{
	echo "kdbus: $*" >&2
	exit 1
}

from_tree()
{
	echo "kdbus: taking list.h and rbtree.c from $1" >&2
	mkdir -p "$dir/tools/lib" &&
		cp -r "$1/tools/include" "$dir/tools/" &&
		cp "$1/tools/lib/rbtree.c" "$dir/tools/lib/" ||
		die "$1: cannot be copied"
}

from_tarball()
{
	echo "kdbus: taking list.h and rbtree.c from $1, once" >&2
	top=${1##*/}
	top=${top%.tar.xz}
	tar -C "$dir" -x -I 'xz -T0' -f "$1" --strip-components=1 \
		"$top/tools/include" "$top/tools/lib/rbtree.c" ||
		die "$1: cannot be unpacked"
}

rm -rf "$dir"
mkdir -p "$dir" || exit

if [ "$KSRC" ]; then
	[ -f "$KSRC/tools/lib/rbtree.c" ] || die "KSRC=$KSRC: no kernel tree"
	from_tree "$KSRC"
	exit
fi

source=$(ls -d /usr/src/linux-source-*/tools/lib/rbtree.c 2>/dev/null |
	sort -V | tail -n 1)
tarball=$(ls /usr/src/linux-source-*.tar.xz 2>/dev/null |
	sort -V | tail -n 1)

if [ "$source" ]; then
	from_tree "${source%/tools/lib/rbtree.c}"
elif [ "$tarball" ]; then
	from_tarball "$tarball"
else
	die "the unit tests need some files of the kernel's source;" \
		"apt-get install linux-source, or KSRC=DIRECTORY"
fi
