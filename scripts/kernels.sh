#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make check-kernels": builds the module without warnings for each kernel in
# kernels.txt, runs the selftests there, on several kernels at a time, and
# prints one line for each. $KERNELS names some of them, or a set; $TESTS are
# the selftests to run, without the 32-bit ones if $BITS is 64; $JOBS is how many
# virtual machines run side by side.

. "${0%/*}/common.sh"

log=$BUILD/log/kernels
cases=$BUILD/log/check-kernels.cases
selftests=tools/testing/selftests/kdbus
format='%-12s %-28s %-10s %s\n'
cd "$TOP" && mkdir -p "$log" || exit

# The lines of the table that are meant.
list()
{
	awk -v wanted="$KERNELS" '
	BEGIN { n = split(wanted, words) }
	/^[^#]/ {
		meant = n == 0
		for (i in words)
			meant = meant || words[i] == $1 || words[i] == $NF
		if (meant)
			print
	}' scripts/kernels.txt
}

# Only a failure is worth reading.
quietly()
{
	output=$1
	shift
	"$@" >"$output" 2>&1 </dev/null && return
	tail -n 20 "$output" >&2
	return 1
}

# line NAME: the results of the kernel, and how many of them failed.
line()
{
	passed=$(grep -c '^ok' "$log/$1.cases")
	failed=$(grep -c '^not ok' "$log/$1.cases")
	skipped=$(grep -c '^skip' "$log/$1.cases")
	# shellcheck disable=SC2059 # it is a format
	printf "$format" "$1" "$version" "$cc" \
		"$passed passed, $failed failed, $skipped skipped$note"
	grep '^not ok' "$log/$1.cases" | sed 's/^/  /'
}

# In a tree of its own, so that nothing hides a warning.
compile()
{
	rm -rf "${BUILD:?}/kernel-$name"
	case $compiler in
	clang*) set -- "$@" "CC=$compiler" ;;
	esac
	scripts/chroot.sh "$suite" scripts/module.sh "kernel-$name" \
		"/lib/modules/$version/build" W=1 KDBUS_WERROR=1 KCFLAGS=-g \
		"$@" >"$log/$name.module" || return
	! grep -i 'warning:' "$BUILD/log/kernel-$name.build" |
		grep -v 'the compiler differs from the one used'
}

# Fetches the kernel and builds the module.
prepare()
{
	: >"$log/$name.cases"
	if ! version=$(scripts/chroot.sh --alone "$suite" scripts/kernel-setup.sh \
		"$from" "$package" "$compiler" 2>"$log/$name.setup"); then
		tail -n 20 "$log/$name.setup" >&2
		echo "not ok kernel is there" >>"$log/$name.cases"
		version=- cc=-
		return
	fi
	root=$(scripts/chroot.sh "$suite")
	flock "$root.lock" depmod -b "$root" "$version" 2>>"$log/$name.setup"
	if quietly "$log/$name.compile" compile; then
		echo "ok module builds without warnings" >>"$log/$name.cases"
	else
		echo "not ok module builds without warnings" >>"$log/$name.cases"
	fi
	cc=$compiler
	[ "$cc" != gcc ] || cc=$(sed -n \
		's/^CONFIG_CC_VERSION_TEXT="*\([^ ]*\).*/\1/p' \
		"$root/usr/src/linux-headers-$version/include/config/auto.conf")
}

run()
{
	root=$(scripts/chroot.sh "$suite")
	programs=$(scripts/programs.sh 1 1 | tr '\n' ' ')
	set -- make --no-print-directory -C $selftests run_tests \
		"TEST_GEN_PROGS=$programs"
	# those for clouds have no 9p to mount the host's files with
	if ! /sbin/modprobe -q -n -d "$root/" -S "$version" 9p; then
		export FILES="$programs $TOP/$selftests/run_tests.sh \
			$TOP/$selftests/settings $TOP/scripts/guest-run.sh \
			$BUILD/kernel-$name/kdbus.ko"
		# shellcheck disable=SC2086 # a list
		set -- $selftests/run_tests.sh $programs
	fi
	scripts/programs.sh missing >>"$log/$name.cases"
	: >"$log/$name.results"
	KROOT=$root KVER=$version \
		MODULE=$BUILD/kernel-$name/kdbus.ko \
		RESULTS=$log/$name.results LOG=$log/$name.log \
		scripts/guest.sh -- "$@" >"$log/$name.ktap" 2>&1 </dev/null
	status=$?
	awk -v part=selftests -f scripts/ktap.awk "$log/$name.ktap" \
		>>"$log/$name.cases"
	cat "$log/$name.results" >>"$log/$name.cases"
	[ $status = 0 ] || grep -q '^not ok' "$log/$name.cases" ||
		echo "not ok selftests: exit status $status" >>"$log/$name.cases"
}

# --run NAME VERSION COMPILER SUITE: what runs beside others.
if [ "$1" = --run ]; then
	name=$2 version=$3 cc=$4 suite=$5
	run
	line "$name"
	exit
fi

[ $# = 0 ] || die "usage: KERNELS=... kernels.sh"
exec 8>"$log/lock"
flock -n 8 || { echo "kdbus: waiting for another run to end"; flock 8; }
scripts/deps.sh check || exit
list >"$log/list"
[ -s "$log/list" ] || die "kernels.txt has no kernel \"$KERNELS\""
quietly "$log/selftests" make -s -C $selftests || die "the selftests do not build"

: >"$log/jobs"
exec 3<"$log/list"
while read -r name suite from package compiler what _ <&3; do
	prepare
	note=
	if [ "$what" = boot ] && ! grep -q '^not ok' "$log/$name.cases"; then
		printf '%s\0' --run "$name" "$version" "$cc" "$suite" >>"$log/jobs"
	else
		[ "$what" = boot ] || note=", only built"
		line "$name"
	fi
done
exec 3<&-
# a virtual machine that is left over must not hold the lock
xargs -0 -n 5 -P "${JOBS:-$(nproc)}" scripts/kernels.sh <"$log/jobs" 8>&-

# One that was killed has told nothing.
for name in $(tr '\0' '\n' <"$log/jobs" | awk 'NR % 5 == 2'); do
	grep -q 'virtual machine\|kernel log is clean' "$log/$name.cases" ||
		echo "not ok selftests on $name: no results" >>"$log/$name.cases"
done

# shellcheck disable=SC2046 # a list of files
cat $(sed "s,^\([^ ]*\) .*,$log/\1.cases," "$log/list") >"$cases"
passed=$(grep -c '^ok' "$cases")
failed=$(grep -c '^not ok' "$cases")
skipped=$(grep -c '^skip' "$cases")
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
