#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints the kernel headers to build against when the user names none: those
# of the running kernel or, where they are not installed, the newest ones.

running=$(uname -r)
dir=/lib/modules/$running/build
if [ -f "$dir/Makefile" ]; then
	echo "$dir"
	exit
fi

newest=$(for dir in /lib/modules/*/build; do
	[ ! -f "$dir/Makefile" ] || echo "$dir"
done | sort -V | tail -n 1)
[ -n "$newest" ] || exit

version=${newest#/lib/modules/}
echo "kdbus: no headers for the running kernel $running," \
	"building for ${version%/build}" >&2
echo "$newest"
