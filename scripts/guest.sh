#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh [--debug] [--shell] [--] COMMAND [ARGUMENT...]
#
# Boots a virtual machine that sees all files of this one, loads the module
# there, runs COMMAND in the current directory, passes its output and its exit
# status on. It also fails when the kernel complained, or when something stayed
# mounted or loaded.
#
# KVER, SMP, MEM, ICOUNT and T are explained by "make help". The kernel's
# log is left in $LOG, the tests made besides the command itself in $RESULTS.

. "${0%/*}/common.sh"

debug='' mode=run
while :; do
	case $1 in
	--debug) debug=1 ;;
	--shell) mode=shell ;;
	--) shift; break ;;
	-*) die "usage: guest.sh [--debug] [--shell] [--] COMMAND..." ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || [ $mode = shell ] || die "guest.sh: no command given"

MODNAME=${MODNAME:-kdbus}
: "${LOG:=$BUILD/log/guest.log}" "${RESULTS:=/dev/null}"

"$TOP/scripts/deps.sh" guest || exit
if [ "$debug" ]; then
	tree=$("$TOP/scripts/debug-kernel.sh") || exit
	kernel=$tree/arch/x86/boot/bzImage headers=$tree name=debug kver=
	# for line numbers in the kernel's complaints
	set_flags='KCFLAGS=-g'
else
	kver=$("$TOP/scripts/kver.sh") || exit
	kernel=${kver#* } kver=${kver%% *}
	headers=/lib/modules/$kver/build name=$kver set_flags=
fi
[ "$MODNAME" = kdbus ] || name=$name-$MODNAME
# shellcheck disable=SC2086 # no argument at all when there are no flags
module=$("$TOP/scripts/module.sh" "$name" "$headers" $set_flags) || exit

dir=$(mktemp -d "$BUILD/guest.XXXXXX") || exit
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

quote()
{
	for word; do
		printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
	done
}

size=$(stty size 2>/dev/null || echo 24 80)
cat >"$dir/guest.conf" <<END
TOP=$(quote "$TOP" | cut -c2-)
MODULE=$(quote "$module" | cut -c2-)
MODNAME=$MODNAME
MODE=$mode
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

# KVM where the processor has it. A clock that counts instructions makes
# times repeatable; it needs the emulator, and no instructions that do as much
# work as their operand says.
smp=${SMP:-2} cpu=max accel='-accel tcg,thread=single'
if [ "${ICOUNT:-0}" != 0 ]; then
	smp=1 cpu=max,-erms,-fsrm
	accel="$accel -icount shift=0,sleep=off"
elif grep -qw -e vmx -e svm /proc/cpuinfo && [ -w /dev/kvm ]; then
	cpu=host accel='-accel kvm'
fi

# The user's terminal is the first serial port, the kernel's log goes to the
# second one and the results to the third.
append="console=ttyS1,115200 loglevel=8 panic=-1 oops=panic mitigations=off"
append="$append sysctl.kernel.hung_task_timeout_secs=60 rcupdate.rcu_cpu_stall_timeout=60"

if [ $mode = shell ]; then
	limit='' signal=off
	exec 3<&0
else
	limit="timeout --foreground -k 5 ${T:-900}" signal=on
	exec 3</dev/null
fi
# shellcheck disable=SC2086 # lists of words
$limit qemu-system-x86_64 -nodefaults -no-user-config -display none \
	-monitor none -nic none -no-reboot -cpu "$cpu" $accel -smp "$smp" \
	-m "${MEM:-2G}" -kernel "$kernel" -initrd "$dir/initramfs.cpio" \
	-append "$append" -chardev "stdio,id=user,signal=$signal" \
	-serial chardev:user -serial "file:$dir/log" \
	-serial "file:$dir/results" -virtfs \
	local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	<&3
qemu=$?
exec 3<&-

mkdir -p "$(dirname "$LOG")"
tr -d '\r' <"$dir/log" >"$LOG"

# No word from the guest about its end is a failure, whatever qemu says.
status=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$dir/results")
if [ -z "$status" ]; then
	case $qemu in
	124 | 137) why="did not finish within ${T:-900} seconds" ;;
	0) why="died" ;;
	*) why="died, qemu's exit status is $qemu" ;;
	esac
	echo "kdbus: the virtual machine $why; the end of its log:" >&2
	tail -n 25 "$LOG" >&2
	echo "not ok virtual machine runs to the end" >>"$dir/results"
	status=1
fi

if "$TOP/scripts/log-check.sh" "$LOG"; then
	echo "ok kernel log is clean" >>"$dir/results"
else
	echo "not ok kernel log is clean" >>"$dir/results"
fi
grep '^not ok' "$dir/results" >&2 && [ "$status" = 0 ] && status=1
grep '^ok\|^not ok' "$dir/results" >"$RESULTS"
exit "$status"
