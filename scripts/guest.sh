#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh [--debug|--kcsan|--lockstat|--coverage] [--verbose] [--shell] [--] COMMAND [ARGUMENT...]
#
# Boots a virtual machine that sees all files of this one, loads the module
# there, runs COMMAND in the current directory, passes its output and its exit
# status on. It also fails when the kernel complained, or when something stayed
# mounted or loaded.
#
# KVER, SMP, MEM, ICOUNT and T are explained by "make help". The kernel's
# log is left in $LOG, the tests made besides the command itself in $RESULTS.
# With $MODULE set to a file, that module is loaded instead of a fresh one. With
# $KROOT set to a directory, the kernel is looked for there. With
# $DATA set to a file, what the kernel counted for gcov is put there, as a
# compressed archive. With $RELOADS set, the module is loaded and unloaded that
# many times in the end. With $THREAD set to "multi", emulated processors run
# at the same time if there are as many real ones. With $FILES set to a list of
# them, these are all of the host's files that the virtual machine has, which is
# for kernels that cannot mount the others.

. "${0%/*}/common.sh"

debug='' mode=run verbose=''
while :; do
	case $1 in
	--debug) debug=debug ;;
	--kcsan | --lockstat | --coverage) debug=${1#--} ;;
	--shell) mode=shell ;;
	--verbose) verbose=1 ;;
	--) shift; break ;;
	-*) die "usage: guest.sh [--debug|--kcsan|--lockstat|--coverage] [--verbose] [--shell] [--] COMMAND..." ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || [ $mode = shell ] || die "guest.sh: no command given"

MODNAME=${MODNAME:-kdbus}
: "${LOG:=$BUILD/log/guest.log}" "${RESULTS:=/dev/null}"

"$TOP/scripts/deps.sh" guest || exit
if [ "$debug" ]; then
	tree=$("$TOP/scripts/debug-kernel.sh" "$debug") || exit
	kernel=$tree/arch/x86/boot/bzImage headers=$tree name=$debug kver=
	# the search for leaks looks at every page there is
	: "${MEM:=1G}" "${T:=3600}"
else
	kver=$("$TOP/scripts/kver.sh") || exit
	kernel=${kver#* } kver=${kver%% *}
	headers=/lib/modules/$kver/build name=$kver
fi
if [ -z "$MODULE" ]; then
	[ "$MODNAME" = kdbus ] || name=$name-$MODNAME
	# -g: line numbers in the kernel's complaints
	MODULE=$("$TOP/scripts/module.sh" "$name" "$headers" KCFLAGS=-g) || exit
fi

[ "$debug" ] || "$TOP/scripts/btf.sh" "$MODULE" "$kver" "$kernel" ||
	die "cannot add type information to $MODULE"

dir=$(mktemp -d "$BUILD/guest.XXXXXX") || exit
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

quote()
{
	for word; do
		printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
	done
}

# KVM where the processor has it. A clock that counts instructions makes
# times repeatable; it needs the emulator, and no instructions that do as much
# work as their operand says.
smp=${SMP:-2} cpu=max accel="-accel tcg,thread=${THREAD:-single}"
# Races are only seen where the processors really run at the same time.
[ "$debug" != kcsan ] || accel='-accel tcg,thread=multi'
if [ "${ICOUNT:-0}" != 0 ]; then
	smp=1 cpu=max,-erms,-fsrm
	accel="$accel -icount shift=0,sleep=off"
elif grep -qw -e vmx -e svm /proc/cpuinfo && [ -w /dev/kvm ]; then
	cpu=host accel='-accel kvm'
fi

# Each in a socket of its own: of several in one, a kernel without ACPI is told
# about the first only.
sockets=''
[ -z "$debug" ] || sockets=,sockets=$smp

size=$(stty size 2>/dev/null)
[ "${size%% *}" -gt 0 ] 2>/dev/null || size='24 80'
cat >"$dir/guest.conf" <<END
TOP=$(quote "$TOP" | cut -c2-)
MODULE=$(quote "$MODULE" | cut -c2-)
MODNAME=$MODNAME
MODE=$mode
VERBOSE=$verbose
DATA=${DATA:+1}
RELOADS=${RELOADS:-0}
PROCESSORS=$smp
TERM=${TERM:-linux}
ROWS=${size% *}
COLS=${size#* }
run_command()
{
	cd $(quote "$PWD") || return
	$(quote "$@")
}
END
"$TOP/scripts/initramfs.sh" "$dir" "$kver" || exit

# The user's terminal is the first serial port, the kernel's log goes to the
# second one, and there among the rest are the results.
append="console=ttyS1,115200 loglevel=8 printk.devkmsg=on panic=-1 oops=panic"
append="$append mitigations=off no_timer_check"
# poisoned pages tell of a use after free even without KASAN
[ -z "$debug" ] || append="$append page_poison=1 kasan_multi_shot"
append="$append sysctl.kernel.hung_task_timeout_secs=60 rcupdate.rcu_cpu_stall_timeout=60"

if [ $mode = shell ]; then
	limit='' signal=off
	exec 3<&0
else
	limit="timeout --foreground -k 5 ${T:-1800}" signal=on
	exec 3</dev/null
fi

boot()
{
	# shellcheck disable=SC2086 # lists of words
	$limit qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-monitor none -nic none -no-reboot -cpu "$cpu" $accel \
		-smp "$smp$sockets" -m "${MEM:-2G}" \
		-kernel "$kernel" -initrd "$dir/initramfs.cpio" \
		-append "$append" -chardev "stdio,id=user,signal=$signal" \
		-serial chardev:user -serial "file:$dir/log" \
		${DATA:+-serial "file:$DATA"} -virtfs \
		local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
		<&3
	qemu=$?
}

# Now and then, a kernel with checkers trips one of them over itself while it
# boots on a busy host, and lockdep stays off then; or a processor is not up in
# time. guest-run.sh does not begin.
for attempt in 1 2 3; do
	boot
	! grep -q 'kdbus-guest: not begun' "$dir/log" ||
		[ "$attempt" = 3 ] || continue
	break
done
exec 3<&-

mkdir -p "$(dirname "$LOG")"
tr -d '\r' <"$dir/log" >"$LOG"
sed -n 's/^.*\] kdbus-guest: //p' "$LOG" >"$dir/results"

# No word from the guest about its end is a failure, whatever qemu says.
status=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$dir/results")
if [ -z "$status" ]; then
	case $qemu in
	124 | 137) why="did not finish within ${T:-1800} seconds" ;;
	0) why=died ;;
	*) why="died, exit status $qemu of qemu" ;;
	esac
	echo "not ok virtual machine runs to the end: it $why" >>"$dir/results"
fi
if "$TOP/scripts/log-check.sh" "$LOG" >&2; then
	echo "ok kernel log is clean" >>"$dir/results"
	[ -n "$status" ] || tail -n 20 "$LOG" >&2
else
	echo "not ok kernel log is clean" >>"$dir/results"
fi

grep '^ok\|^not ok' "$dir/results" >"$RESULTS"
grep '^not ok' "$dir/results" >&2 && [ "${status:-0}" = 0 ] && status=1
exit "$status"
