#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# programs.sh NUMBER COUNT
#
# Prints which of the built selftests, or of those in $TESTS, are the share of
# machine NUMBER out of COUNT; with $BITS set to 64, only those that are no
# 32-bit programs.
#
# programs.sh missing: prints a result, "skip", if there are no 32-bit programs
# and there should be.

. "${0%/*}/common.sh"

number=$1 count=$2
dir=$TOP/tools/testing/selftests/kdbus

# These take longest, in this order: each machine gets some of them.
slow='fault_message_test fault_test soak_test storm_test'

all()
{
	if [ "$TESTS" ]; then
		echo "$TESTS" | tr -s ' ' '\n'
		return
	fi
	{
		echo "$slow" | tr ' ' '\n'
		find "$dir" -maxdepth 1 -name '*_test.c' | sort |
			sed 's,.*/,,; s,\.c$,,'
	} | awk -v bits="$BITS" \
		'!seen[$0]++ { print; if (bits != 64) print $0 "_32" }'
}

if [ "$number" = missing ]; then
	[ -n "$TESTS" ] || [ "$BITS" = 64 ] ||
		[ -n "$(find "$dir" -maxdepth 1 -name '*_test_32')" ] ||
		echo "skip selftests: 32-bit programs: gcc cannot make them"
	exit
fi

# one that is asked for and does not exist has to fail
all | while read -r test; do
	[ -z "$TESTS" ] && [ ! -x "$dir/$test" ] || echo "$dir/$test"
done | awk -v count="$count" -v number="$number" '(NR - 1) % count == number - 1'
