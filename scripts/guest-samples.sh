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
monitored()
{
	"$samples/demo" "$mount" >/dev/null &
	bus=$mount/$(id -u)-demo/bus
	while [ ! -e "$bus" ]; do
		kill -0 $! || return
		sleep 0.1
	done
	"$samples/monitor" "$bus" && wait $!
}

expect "hello" "^from [1-9][0-9]*: hello, bob$" "$samples/hello" "$mount"
expect "demo" "closed the bus" "$samples/demo" "$mount"
expect "service" "answers" "$samples/service" "$mount"
expect "monitor" "^    CREDS  *uid 0, gid 0$" monitored
expect "workers" "." "$samples/workers" "$mount"
expect "walk-through" "^payload: hello, bob$" "$1" "$mount"
echo "1..$n"
exit $failed
