#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1+
#
# Runs in the virtual machine, on a kernel with CONFIG_LOCK_STAT: prints what it
# counted while the bus was busy.

echo 0 >/proc/lock_stat || exit
echo 1 >/proc/sys/kernel/lock_stat
"${0%/*}/kdbus-bench" load || exit
echo 0 >/proc/sys/kernel/lock_stat
cat /proc/lock_stat
