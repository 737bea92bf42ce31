#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs as process 1 of the virtual machine, on top of the host's files: loads
# the module, mounts kdbusfs, runs what guest.sh was asked to run, takes all
# of it down again and reports through the kernel's log.

# From guest.sh: TOP, MODULE, MODNAME, MODE, VERBOSE, DATA, RELOADS, PROCESSORS,
# TERM and the function run_command.
# shellcheck source=/dev/null
. /run/guest.conf

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root USER=root SHELL=/bin/bash LANG=C.UTF-8 TERM
fs=${MODNAME}fs
dir=/sys/fs/$MODNAME
kmemleak=/sys/kernel/debug/kmemleak

report()
{
	echo "kdbus-guest: $*" >/dev/kmsg
}

# expect NAME COMMAND: a test of its own; COMMAND prints what is wrong.
expect()
{
	name=$1
	shift
	if what=$("$@" 2>&1); then
		report "ok $name"
	else
		report "not ok $name"
		printf '%s\n' "$what"
	fi
}

power_off()
{
	# waits until all output is out
	stty -F /dev/ttyS0 -onlcr
	sync
	exec busybox reboot -f
}

set_up()
{
	hostname kdbus
	busybox ip link set lo up
	for controller in memory pids cpu; do
		echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
	done 2>/dev/null
	[ ! -e $kmemleak ] || echo clear >$kmemleak

	# BAD_PAGE (what KASAN sets), DIE or WARN: who has seen one of them
	# does not look for deadlocks any more
	tainted=$(cat /proc/sys/kernel/tainted)
	if [ $((tainted & (1 << 5 | 1 << 7 | 1 << 9))) != 0 ]; then
		report "not begun: the kernel is tainted, $tainted"
		power_off
	fi

	# no races would be found without anyone taking notice
	processors=$(busybox nproc)
	if [ "$processors" != "$PROCESSORS" ]; then
		report "not begun: $processors of $PROCESSORS processors run"
		power_off
	fi

	# log-check.sh starts here
	report begin
}

# The demo shows what is typed.
exec 3>/dev/null
[ -z "$VERBOSE" ] || exec 3>&1

load()
{
	echo "Linux $(uname -r)" >&3
	cd "${MODULE%/*}" || return
	echo "# insmod ./$MODNAME.ko" >&3
	insmod "./$MODNAME.ko" || return
	echo "# mount -t $fs $fs $dir" >&3
	mount -t "$fs" "$fs" "$dir"
}

# Whoever closes last may still be on its way out, so be patient.
patiently()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.5
	done
	"$@"
}

unmount_all()
{
	echo "# umount $dir" >&3
	umount "$dir" || return
	mounts=$(grep -s " - $fs " /proc/[0-9]*/mountinfo)
	[ -z "$mounts" ] || { echo "$mounts"; return 1; }
}

unload()
{
	echo "# rmmod $MODNAME" >&3
	patiently rmmod "$MODNAME" && return
	lsmod
	busybox ps -o pid,ppid,stat,args | grep -v ' \[.*\]$'
	return 1
}

# An object counts as leaked when it is five seconds old and two scans agree.
find_leaks()
{
	[ "$1" = again ] || { sleep 6; echo scan >$kmemleak; }
	echo scan >$kmemleak
	leaks=$(cat $kmemleak)
	echo clear >$kmemleak
	[ -z "$leaks" ] || { echo "$leaks"; return 1; }
}

# To execute five programs takes longer than what they do here, by far; busybox
# has them all within itself. Nor does the kernel need to read debug information.
load_again_and_again()
{
	strip -g -o /tmp/reload.ko "./$MODNAME.ko" || return
	# shellcheck disable=SC2016 # expanded there
	RELOADS=$RELOADS MODNAME=$MODNAME fs=$fs dir=$dir busybox sh -c '
		n=0
		while [ $n -lt "$RELOADS" ]; do
			n=$((n + 1))
			# with something to take down, too
			insmod /tmp/reload.ko && mount -t "$fs" "$fs" "$dir" &&
				{ [ $((n % 2)) = 0 ] ||
				  ls -lR "$dir" >/dev/null; } &&
				umount "$dir" && rmmod "$MODNAME" || exit
		done'
}

# Files of debugfs have no size, so they are copied before they are packed.
send_data()
{
	stty -F /dev/ttyS2 raw -echo || return
	mkdir /tmp/gcov && cd /sys/kernel/debug/gcov || return
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}"
		cat "$file" >"/tmp/gcov/$file"
	done
	# tar does not write to what is a terminal
	tar -C /tmp/gcov -cz . | cat >/dev/ttyS2
}

set_up
if ! load; then
	echo "kdbus: cannot load or mount the module"
	report "not ok module loads"
	dmesg | tail -n 20
	power_off
fi
report "ok module loads"

if [ "$MODE" = shell ]; then
	setsid -w -c "$TOP/scripts/guest-shell.sh" <>/dev/ttyS0 >&0 2>&1
	status=$?
else
	stty -F /dev/ttyS0 -onlcr -echo
	(run_command </dev/null 3>&-)
	status=$?
fi

expect "nothing left mounted" unmount_all
[ ! -e $kmemleak ] || expect "no memory leaked" find_leaks
expect "module unloads" unload
[ ! -e $kmemleak ] || expect "no memory leaked by unloading" find_leaks again
if [ "$RELOADS" != 0 ]; then
	expect "module loads and unloads $RELOADS times" load_again_and_again
	[ ! -e $kmemleak ] || expect "no memory leaked by it" find_leaks
fi
[ -z "$DATA" ] || send_data
report "exit $status"
power_off
