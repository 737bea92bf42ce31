#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make fuzz": runs tools/testing/fuzz on the debug kernel for $T seconds with
# the seed $SEED. What breaks the kernel is made shorter afterwards, with a
# fresh virtual machine for each attempt, for at most $MINIMISE seconds.

. "${0%/*}/common.sh"

seconds=${T:-60} seed=${SEED:-$(date +%s)} minimise=${MINIMISE:-1800}
fuzzer=$TOP/tools/testing/fuzz/kdbus-fuzz
output=$BUILD/log/fuzz.out
export LOG="${LOG:-$BUILD/log/fuzz.log}"

make -s -C "$TOP/tools/testing/fuzz" kdbus-fuzz || exit
mkdir -p "$BUILD/log"

# What is between the boot of the machine and the search for leaks
T=$((seconds + 900))
export T

echo "kdbus: fuzzing for $seconds seconds, SEED=$seed"
{
	"$TOP/scripts/guest.sh" --debug -- "$fuzzer" -t "$seconds" -s "$seed"
	echo $? >"$output.status"
} 2>&1 | tee "$output"
[ "$(cat "$output.status")" != 0 ] || exit 0

# The fuzzer itself has made shorter what did not take the kernel with it.
! grep -q '^minimised:' "$output" || exit 1
program=$(sed -n 's/.*kdbus-fuzz: \([0-9a-f]\{16,\}\)$/\1/p' "$LOG" |
	tail -n 1)
[ "$program" ] || exit 1
echo "kdbus: making the program shorter"

LOG=$BUILD/log/fuzz-less.log
export RESULTS=/dev/null
end=$(($(date +%s) + minimise))

fails()
{
	[ "$(date +%s)" -lt $end ] || return
	! "$TOP/scripts/guest.sh" --debug -- "$fuzzer" -p "$1" -r 20 \
		>/dev/null 2>&1
}

# without N operations of 16 digits from the one with the number AT on
without()
{
	echo "$program" | sed "s/^\(.\{$(($1 * 16))\}\).\{$(($2 * 16))\}/\1/"
}

if fails "$program"; then
	n=$((${#program} / 32))
	while [ $n -gt 0 ]; do
		at=0
		while [ $((at + n)) -le $((${#program} / 16)) ] &&
		      [ $n -lt $((${#program} / 16)) ]; do
			less=$(without $at $n)
			if fails "$less"; then
				program=$less
			else
				at=$((at + n))
			fi
		done
		n=$((n / 2))
	done
	echo "kdbus: minimised, run it with" \
		"scripts/guest.sh --debug -- $fuzzer -p $program"
else
	echo "kdbus: cannot be repeated; the program was $program"
fi
exit 1
