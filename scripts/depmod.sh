#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# depmod.sh HEADERS: makes an installed module known to modprobe. The kernel's
# "make modules_install" leaves that out where it sees no System.map, and
# Debian's headers have none.

release=$(make -s -C "$1" --no-print-directory kernelrelease) || exit
exec /sbin/depmod -b "${INSTALL_MOD_PATH:-/}" "$release"
