#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1+
#
# Runs in the booted system: checks what the packages promise. Reports in TAP,
# with "# end" as the last line.

here=${0%/*}
n=0
stty -F /dev/ttyS1 -onlcr
echo "TAP version 13"

expect()
{
	n=$((n + 1))
	name=$1
	shift
	if "$@" >/tmp/expect 2>&1 </dev/null; then
		echo "ok $n $name"
	else
		tail -n 30 /tmp/expect | sed 's/^/# /'
		echo "not ok $n $name"
	fi
}

early()
{
	dmesg >/tmp/dmesg
	awk '/early: answered by/ { early = NR }
		/EXT4-fs \(vda\): mounted/ { mounted = NR }
		END { exit !(early && mounted && early < mounted) }' /tmp/dmesg
}

options()
{
	grep ' /sys/fs/kdbus ' /proc/self/mountinfo
	[ "$(grep -c ' /sys/fs/kdbus .*nosuid,nodev,noexec.* kdbusfs ' \
		/proc/self/mountinfo)" = 1 ]
}

# Of what fails, the lines before that say why.
selftests()
(
	cd "$here/selftests" || exit
	# shellcheck disable=SC2046 # a list of programs
	./run_tests.sh $(cat "$here/tests") >/tmp/selftests 2>&1 && exit
	grep -B 5 '^\(# \)*not ok' /tmp/selftests
	exit 1
)

expect "module is the one of dkms" sh -c \
	'modinfo -n kdbus | grep updates/dkms && grep "^kdbus " /proc/modules'
expect "message in the initramfs, before the root file system" early
expect "bus is there after switch_root" test -e /sys/fs/kdbus/0-early/bus
expect "it still answers" /usr/local/bin/early ask
expect "mount unit is active" systemctl is-active sys-fs-kdbus.mount
expect "file system is mounted once, with nosuid, nodev, noexec" options
expect "modprobe kdbus" modprobe kdbus
expect "no unit failed" sh -c \
	'systemctl --failed --no-legend | tee /dev/stderr | grep -c . | grep -x 0'
expect "selftests" selftests
expect "monitor of the package" sh -c \
	'kdbus-monitor -n 0 /sys/fs/kdbus/0-early/bus | grep "^listening"'

# A unit that is stopped and started again makes a new domain.
expect "mount unit can be restarted" sh -c 'kill $(pgrep -x early)
	systemctl stop sys-fs-kdbus.mount && ! mountpoint -q /sys/fs/kdbus &&
	systemctl start sys-fs-kdbus.mount && mountpoint -q /sys/fs/kdbus'
echo "1..$n"
echo "# end"
