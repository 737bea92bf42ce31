#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1+
#
# run_tests.sh [PROGRAM...]
#
# Runs test programs, without arguments all that are here, and prints what the
# kernel's own runner prints, which takes longer than most of the programs when
# the processor is an emulated one.

here=$(dirname "$0")
if [ $# = 0 ]; then
	for program in "$here"/*_test "$here"/*_test_32; do
		[ ! -x "$program" ] || set -- "$@" "$program"
	done
fi

# like the kernel's runner, whose user can say so, too
timeout=${kselftest_override_timeout:-$(sed -n 's/^timeout=//p' \
	"$here/settings")}

# Prints the output of a program behind "# " and returns its exit status.
run()
{
	{
		status=$({
			{
				timeout "$timeout" "$1" 2>&1
				echo $? >&3
			} | sed -u 's/^/# /' >&4
		} 3>&1)
	} 4>&1
	return "$status"
}

echo "TAP version 13"
echo "1..$#"
# without executing a program for it
uptime()
{
	read -r seconds _ </proc/uptime
	seconds=${seconds%.*}
}

number=0 failed=0
for program; do
	number=$((number + 1))
	test="$number selftests: kdbus: ${program##*/}"
	echo "# timeout set to $timeout"
	echo "# ${test#* }"
	uptime
	started=$seconds
	run "$program"
	status=$?
	uptime
	echo "# took $((seconds - started)) seconds"
	case $status in
	0) echo "ok $test" ;;
	4) echo "ok $test # SKIP" ;;
	124) echo "not ok $test # TIMEOUT $timeout seconds" ;;
	*) echo "not ok $test # exit=$status" ;;
	esac
	[ $status = 0 ] || [ $status = 4 ] || failed=1
done
exit $failed
