#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

check()
{
	# in the way of a kernel that has no such module
	modinfo -k "${kernel:?}" kdbus >/dev/null 2>&1 || return 1
	return 0
}

depends()
{
	return 0
}

installkernel()
{
	instmods kdbus
}

install()
{
	inst_multiple mount modprobe
	inst_hook pre-udev 10 "${moddir:?}/mount-kdbus.sh"
}
