#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Mounts kdbusfs before the root file system. /sys is moved there as a whole,
# with what is mounted in it.

modprobe -q kdbus && [ -d /sys/fs/kdbus ] &&
	mount -t kdbusfs -o nosuid,nodev,noexec kdbusfs /sys/fs/kdbus
