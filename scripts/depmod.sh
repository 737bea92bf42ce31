#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# depmod.sh [--remove] HEADERS [DIR]
#
# Makes an installed module known to modprobe. The kernel's "make
# modules_install" leaves that out where it sees no System.map, and Debian's
# headers have none. With --remove the module goes away before that. DIR stands
# in front of /lib/modules.

remove=
if [ "$1" = --remove ]; then
	remove=1
	shift
fi
root=${2:-${INSTALL_MOD_PATH:-}}

release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' \
	"$1/include/generated/utsrelease.h") || exit
# "extra" before Linux 6.2, "updates" since then
[ -z "$remove" ] || rm -f "$root/lib/modules/$release/updates/kdbus.ko"* \
	"$root/lib/modules/$release/extra/kdbus.ko"*
exec /sbin/depmod -b "${root:-/}" "$release"
