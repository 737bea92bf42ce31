#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the samples, and the program of Documentation/kdbus.txt that is the
# argument, where the module is loaded; reports in TAP.

# shellcheck source=/dev/null
. /run/guest.conf
mount=/sys/fs/$MODNAME samples=samples/kdbus
n=0 failed=0
echo "TAP version 13"

# expect NAME PATTERN COMMAND: it succeeds and prints lines that match.
expect()
{
	name=$1 pattern=$2
	shift 2
	n=$((n + 1))
	if output=$("$@" 2>&1) &&
		echo "$output" | grep -q "$pattern"; then
		echo "ok $n $name"
	else
		echo "$output" | sed 's/^/# /'
		echo "not ok $n $name"
		failed=1
	fi
}

# What the monitor prints of the bus that the demo makes, from whenever it gets
# in to the end of the bus.
watch_demo()
{
	"$samples/demo" "$mount" >/dev/null &
	bus=$mount/$(id -u)-demo/bus
	while [ ! -e "$bus" ] && kill -0 $!; do
		sleep 0.05
	done
	"$samples/monitor" "$bus" && wait $!
}

# The demo may be over before the monitor has seen anything of it.
monitored()
{
	for try in 1 2 3 4 5 6 7 8 9 10; do
		seen=$(watch_demo 2>&1) || continue
		for pattern; do
			echo "$seen" | grep -q "$pattern" || continue 2
		done
		echo "all is there, try $try"
		return
	done
	echo "$seen"
	return 1
}

expect "hello" "^from [1-9][0-9]*: hello, bob$" "$samples/hello" "$mount"
expect "demo" "closed the bus" "$samples/demo" "$mount"
expect "service" "answers" "$samples/service" "$mount"
expect "monitor" "^all is there" monitored '^    CREDS  *uid 0, gid 0$' \
	'^    CAPS  *[1-9][0-9] bytes$' \
	"^    CMDLINE  *\"$samples/demo\\\\x00$mount\\\\x00\"$"
expect "workers" "." "$samples/workers" "$mount"
expect "walk-through" "^payload: hello, bob$" "$1" "$mount"
echo "1..$n"
exit $failed
