#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make check" and, with --debug, "make check-debug": builds and runs the tests
# and counts them. $FUZZ and $SEED are how many seconds to fuzz, and from which
# seed.

. "${0%/*}/common.sh"

debug=$1
name=check${debug:+-debug}
selftests=tools/testing/selftests/kdbus
cases=$BUILD/log/$name.cases
cd "$TOP" && mkdir -p "$BUILD/log" || exit

exec 8>"$BUILD/log/$name.lock"
flock -n 8 || { echo "kdbus: waiting for another run to end"; flock 8; }
# What is started from here has it closed: a virtual machine that is left over
# must not hold the lock.
: >"$cases" || exit

# One line for each case, from here or from ktap.awk.
record()
{
	echo "$*" >>"$cases"
	echo "$*"
}

# step NAME COMMAND: a case that is just a command that succeeds.
step()
{
	case=$1
	shift
	if "$@" </dev/null 8>&-; then
		record "ok $case"
	else
		record "not ok $case"
		return 1
	fi
}

# ktap NAME COMMAND: shows KTAP output as it comes and records its cases, and
# what the virtual machine says of itself if COMMAND starts one.
ktap()
{
	part=$1 output=$BUILD/log/$name-$1
	shift
	: >"$output.results"
	rm -f "$output.status"
	{
		export RESULTS="$output.results" LOG="$output.log"
		"$@" </dev/null
		echo $? >"$output.status"
	} 2>&1 8>&- | tee "$output.ktap" 8>&-
	awk -v part="$part" -f scripts/ktap.awk "$output.ktap" >"$output.cases"
	cat "$output.cases" >>"$cases"
	sed "s/^\(ok\|not ok\) /&$part: /" "$output.results" | tee -a "$cases"

	# A failure that no case accounts for must not get lost.
	status=$(cat "$output.status") || status=unknown
	[ "$status" = 0 ] ||
		grep -q '^not ok' "$output.cases" "$output.results" ||
		record "not ok $part: exit status $status"
}

# The samples, in a machine of their own.
run_samples()
{
	scripts/walk-through.sh "$BUILD/doc" && make -s -C samples/kdbus || return
	MODULE=$module RESULTS=/dev/null LOG=$BUILD/log/samples.log \
		scripts/guest.sh -- scripts/guest-samples.sh \
		"$BUILD/doc/walk-through"
}

# What was built without warnings by another run would not be seen.
compile()
{
	rm -rf "${BUILD:?}/$name"
	module=$(scripts/module.sh "$name" "$@") || return
	! grep -i 'warning:' "$BUILD/log/$name.build" |
		grep -v 'the compiler differs from the one used'
}

sparse()
{
	scripts/module.sh "$name" "$@" C=2 >/dev/null || return
	! sed "s,$BUILD/$name/,," "$BUILD/log/$name.build" |
		grep -E 'kdbus[^:]*:[0-9:]+ (warning|error):'
}

# Those that were asked for, or all.
build_selftests()
{
	only=
	[ -z "$TESTS" ] || only=$(scripts/programs.sh 1 1 | tr '\n' ' ')
	make -s -j"$(nproc)" -C $selftests ${only:+"TEST_GEN_PROGS=$only"}
}

# run_selftests NUMBER: the share of one machine
run_selftests()
{
	reloads=
	set -- "$1" make --no-print-directory -C $selftests run_tests \
		"TEST_GEN_PROGS=$(scripts/programs.sh "$1" "$machines" | tr '\n' ' ')"
	# everything takes longer there
	[ -z "$debug" ] || set -- "$@" kselftest_override_timeout=1800
	[ -z "$debug" ] || [ "$1" != "$machines" ] || reloads=100
	shift
	MODULE=$module RELOADS=$reloads \
		scripts/guest.sh ${debug:+"$debug"} -- "$@"
}

# What messages cost is counted in instructions, so that it cannot fail because
# the machine is busy.
guard()
{
	MODULE=$module RESULTS=/dev/null LOG=$BUILD/log/bench.log \
		scripts/bench.sh guard
}

# A virtual machine uses one processor only, so there are two of them.
run_all_selftests()
{
	machines=$(nproc)
	[ "$machines" -lt 2 ] || machines=2
	[ "$(scripts/programs.sh 1 1 | wc -l)" -ge 8 ] || machines=1
	pids=
	for number in $(seq "$machines"); do
		{
			ktap "selftests-$number" run_selftests "$number" |
				sed -u "s/^/$number: /"
		} 8>&- &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # a list of numbers
	wait $pids
}

# Bounded in time, so the same seed may get further on a faster machine.
fuzz()
{
	T=${FUZZ:-90} SEED=${SEED:-1} MINIMISE=600 MODULE=$module \
		RESULTS=/dev/null LOG=$BUILD/log/fuzz.log scripts/fuzz.sh
}

# What has several tasks at the same thing, where it is seen whether they agree
# on who may touch what.
racing_tests='monitor_load_test name_send_test order_test storm_test teardown_test'

run_racing()
{
	only=
	for test in $racing_tests; do
		only="$only $TOP/$selftests/$test"
	done
	MODULE='' scripts/guest.sh --kcsan -- make --no-print-directory \
		-C $selftests run_tests kselftest_override_timeout=1200 \
		"TEST_GEN_PROGS=$only"
}

# Those two are apart from each other and from the selftests.
fuzz_and_race()
{
	{ step "fuzzing finds nothing" fuzz | sed -u 's/^/fuzz: /'; } 8>&- &
	pid=$!
	ktap kcsan run_racing
	wait $pid
}

summary()
{
	passed=$(grep -c '^ok' "$cases")
	failed=$(grep -c '^not ok' "$cases")
	skipped=$(grep -c '^skip' "$cases")
	echo
	grep '^not ok' "$cases"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

if [ "$debug" ]; then
	# the others would take as long again
	export BITS="${BITS:-64}"
	headers=$(scripts/debug-kernel.sh) || exit
	# later, but there may be a processor with nothing to do in between
	[ -n "$TESTS" ] || scripts/debug-kernel.sh kcsan >/dev/null 2>&1 8>&- &
else
	scripts/deps.sh check || exit
	version=$(scripts/kver.sh) || exit
	export KVER="${version%% *}"
	headers=/lib/modules/$KVER/build
fi
set -- "$headers" W=1 KDBUS_WERROR=1 KCFLAGS=-g

if step "module builds without warnings" compile "$@"; then
	if [ -z "$debug" ]; then
		step "sparse finds nothing" sparse "$@"
		step "logs of kernels are read right" scripts/log-check-test.sh
		ktap unit env -u TESTS make --no-print-directory -C tools/testing/unit check
		step "module can be signed" scripts/sign-check.sh \
			"$headers" "$module"
		step "make install and uninstall leave nothing" \
			scripts/install-check.sh "$name" "$@"
		[ "$TESTS" ] || ktap documentation scripts/doc-check.sh
		step "description for syzkaller fits the header" \
			tools/testing/fuzz/check-kdbus-txt.sh
	fi
	if step "selftests build" build_selftests; then
		scripts/programs.sh missing | tee -a "$cases"
		run_all_selftests
		[ "$debug" ] || [ -n "$TESTS" ] || ktap bench guard
		[ -z "$debug" ] || [ -n "$TESTS" ] || fuzz_and_race
		[ "$debug" ] || [ -n "$TESTS" ] || ktap samples run_samples
	fi
fi
summary
