#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make coverage": runs the selftests, or $TESTS of them, and the fuzzer with a
# module that counts what is executed, on a kernel that can fail as the debug
# kernel can but checks nothing, and reports for each file of ipc/kdbus how many
# lines were executed and how many branches were taken. Fails if that is less
# than $MIN percent of the lines.

. "${0%/*}/common.sh"

selftests=$TOP/tools/testing/selftests/kdbus
fuzzer=$TOP/tools/testing/fuzz/kdbus-fuzz
dir=$BUILD/coverage
report=$BUILD/log/coverage.report

headers=$("$TOP/scripts/debug-kernel.sh" coverage) || exit
make -s -C "$selftests" && make -s -C "$TOP/tools/testing/fuzz" kdbus-fuzz ||
	exit
mkdir -p "$dir" && rm -rf "$dir"/counts "$dir"/machine-* || exit
MODULE=$("$TOP/scripts/module.sh" coverage "$headers" KCFLAGS=-g \
	GCOV_PROFILE=y) || exit
export MODULE T="${T:-5400}" BITS="${BITS:-64}"

# run NUMBER SECONDS: what one machine does: its share of the tests, and
# fuzzing
run()
{
	LOG=$BUILD/log/coverage-$1.log DATA=$dir/machine-$1.tar.gz
	export LOG DATA
	# shellcheck disable=SC2016 # expanded over there
	"$TOP/scripts/guest.sh" --coverage -- sh -c '
		fuzzer=$1 seconds=$2; shift 2
		"$@"; status=$?
		[ "$seconds" = 0 ] || "$fuzzer" -t "$seconds" || status=1
		exit $status' coverage "$fuzzer" "$2" \
		make --no-print-directory -C "$selftests" run_tests \
		kselftest_override_timeout=1800 \
		"TEST_GEN_PROGS=$("$TOP/scripts/programs.sh" "$1" 2 |
			tr '\n' ' ')"
	echo $? >"$dir/machine-$1.status"
}

run 1 "${FUZZ:-60}" 2>&1 | tee "$BUILD/log/coverage-1.ktap" &
run 2 0 >"$BUILD/log/coverage-2.ktap" 2>&1
wait
cat "$BUILD/log/coverage-2.ktap"
status=0
for number in 1 2; do
	[ "$(cat "$dir/machine-$number.status")" = 0 ] || status=1
	[ -s "$dir/machine-$number.tar.gz" ] ||
		die "a virtual machine left no data"
	mkdir -p "$dir/machine-$number" &&
		tar -C "$dir/machine-$number" -xzf "$dir/machine-$number.tar.gz" ||
		exit
done
gcov-tool merge -o "$dir/machine-all" "$dir/machine-1$dir" \
	"$dir/machine-2$dir" >"$BUILD/log/gcov.err" 2>&1 || exit
find "$dir/ipc" -name '*.gcda' -delete
cp -r "$dir/machine-all/." "$dir" && mkdir -p "$dir/counts" &&
	cd "$dir/counts" && gcov -b -c -o "$dir/ipc/kdbus" \
	"$dir"/ipc/kdbus/*.gcda >/dev/null 2>>"$BUILD/log/gcov.err" || exit

# Lines of a .gcov file are COUNT:NUMBER:TEXT, "-" for what is no code and
# "#####" for what was not executed; branches follow their line.
awk -F: '
	function put(name) {
		if (lines)
			printf "%-32s %5d lines %6.1f %%  %5d branches %6.1f %%\n",
			       name, lines, 100 * (lines - missed) / lines,
			       branches,
			       branches ? 100 * taken / branches : 100
	}
	function close_file() {
		if (kept) {
			put(file)
			all += lines; all_missed += missed
			all_branches += branches; all_taken += taken
		}
		lines = missed = branches = taken = 0
	}
	$2 ~ /^ *0$/ && $3 == "Source" {
		close_file()
		file = $4
		kept = sub(/^.*ipc\/kdbus\//, "", file)
		next
	}
	!kept || $2 ~ /^ *0$/ { next }
	/^branch/ {
		if ($0 !~ /never executed/) {
			branches++
			if ($0 !~ /taken 0/)
				taken++
		} else {
			branches++
		}
		next
	}
	$1 ~ /^ *-$/ || NF < 3 { next }
	$1 ~ /^ *[#=0-9]/ {
		lines++
		if ($1 ~ /[#=]/) {
			missed++
			number = $2
			text = $0
			sub(/^[^:]*:[^:]*:/, "", text)
			gsub(/ /, "", number)
			list = list file ":" number ": " text "\n"
		}
	}
	END {
		close_file()
		lines = all; missed = all_missed
		branches = all_branches; taken = all_taken
		put("all")
		printf "\nnot executed:\n%s", list
		exit all == 0 || 100 * (all - all_missed) < min * all
	}
' min="${MIN:-92}" ./*.gcov >"$report" || status=1
cat "$report"
exit $status
