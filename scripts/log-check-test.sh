#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# log-check-test.sh: gives log-check.sh logs of kernels that are well and of
# others that are not. Prints which it takes for the wrong kind, and fails then.

. "${0%/*}/common.sh"

dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
log=$dir/log

# expect well|ill WHAT: the lines that come in are a log after the tests began.
expect()
{
	{
		echo 'kdbus-guest: begin'
		cat
		echo 'kdbus-guest: exit 0'
	} | sed 's/^/[    1.234567] /' >"$log"
	if "$TOP/scripts/log-check.sh" "$log" >/dev/null; then
		verdict=well
	else
		verdict=ill
	fi
	[ $verdict = "$1" ] && return
	echo "$2: is said to be $verdict" | tee -a "$dir/failed"
}

# race FRAMES FRAMES: what is reported when these two touch the same.
race()
{
	echo ==================================================================
	echo "BUG: KCSAN: data-race in ${1%% *} / ${2%% *}"
	for stack; do
		echo
		echo 'write to 0xffff888004a3fc58 of 4 bytes by task 171 on cpu 1:'
		for frame in $stack; do
			case $frame in
			kdbus_*) echo " $frame+0x61/0x1e0 [kdbus]" ;;
			*) echo " $frame+0x61/0x1e0" ;;
			esac
		done
	done
	printf '\nvalue changed: 0x00000000 -> 0x00000001\n'
	echo ==================================================================
}

poll='poll_schedule_timeout.constprop.0 do_sys_poll __x64_sys_poll'
send='kdbus_route kdbus_cmd_send __x64_sys_ioctl'
wake="pollwake __wake_up_common __wake_up $send"
interrupt='tick_do_update_jiffies64 sysvec_apic_timer_interrupt'
interrupt="$interrupt asm_sysvec_apic_timer_interrupt"

expect well "nothing" <<-END
	kdbus: loaded
	END
expect ill "use after free" <<-END
	BUG: KASAN: slab-use-after-free in kdbus_route+0x61/0x1e0 [kdbus]
	END
expect ill "warning" <<-END
	------------[ cut here ]------------
	WARNING: CPU: 0 PID: 170 at mm/slub.c:1
	END
expect well "failure that a test asked for" <<-END
	FAULT_INJECTION: forcing a failure.
	Call Trace:
	 <TASK>
	 kdbus_route+0x61/0x1e0 [kdbus]
	 </TASK>
	END
expect ill "stack after a failure that a test asked for" <<-END
	FAULT_INJECTION: forcing a failure.
	Call Trace:
	 </TASK>
	Call Trace:
	END

race "$poll" "fput __x64_sys_close" | expect well "race of others"
race "$poll" "$send" | expect ill "race with others"
race "$send" "list_add $send" | expect ill "race"
race "$poll" "$wake" | expect well "race of who is woken"
race "$wake" "$poll" | expect well "race of who is woken, the other way around"
race "$send" "$wake" | expect ill "race with who is woken"
race "$poll" "kdbus_woken $wake" | expect ill "race when woken"
race "$poll" "$interrupt $send" | expect well "race of an interrupt"
race "$poll" "kdbus_timer $interrupt $send" | expect ill "race in an interrupt"
{
	race "$poll" "$wake"
	race "$send" "$poll"
} | expect ill "second race"

echo 'Linux version 6.12' >"$log"
"$TOP/scripts/log-check.sh" "$log" >/dev/null &&
	echo "machine that did not begin: is said to be well" |
	tee -a "$dir/failed"
[ ! -e "$dir/failed" ]
