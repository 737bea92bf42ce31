#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The part of "make demo" that runs in the virtual machine.

# shellcheck source=/dev/null
. /run/guest.conf

echo "# ls -l /sys/fs/$MODNAME"
ls -l "/sys/fs/$MODNAME"
echo "# samples/kdbus/demo"
samples/kdbus/demo
echo "# samples/kdbus/workers"
samples/kdbus/workers
