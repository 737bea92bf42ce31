#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# depmod.sh HEADERS: makes an installed module known to modprobe. The kernel's
# "make modules_install" leaves that out where it sees no System.map, and
# Debian's headers have none.

release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' \
	"$1/include/generated/utsrelease.h") || exit
exec /sbin/depmod -b "${INSTALL_MOD_PATH:-/}" "$release"
