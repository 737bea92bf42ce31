#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [guard|doc]
#
# "make bench": what messages cost, beside what is used instead. Leaves tables,
# plots and a text for people in build/bench. $BENCH names the parts to run:
# "instructions" by a clock that counts those; "guard", the short form of it,
# which shows how well figures can be repeated; "time" on two processors; "locks"
# on a kernel that counts who waits for a lock.
#
# With "guard" as argument runs just that and compares with the limits that
# are in guard.tsv; prints KTAP. With "doc" puts the text of the last run into
# Documentation/performance.txt.

. "${0%/*}/common.sh"

bench=tools/bench
out=$BUILD/bench
cd "$TOP" && mkdir -p "$out" || exit

# figures NAME COMMAND: keeps the lines of a table among what COMMAND prints.
figures()
{
	part=$1
	shift
	LOG=$BUILD/log/bench-$part.log "$@" >"$out/$part.out" 2>&1
	status=$?
	grep -P '^[a-z0-9-]+\t[a-z-]+\t\d+\t\d+$' "$out/$part.out" \
		>"$out/$part.tsv"
	[ $status = 0 ] || { cat "$out/$part.out" >&2; return 1; }
	[ -s "$out/$part.tsv" ]
}

counting()
{
	figures "$1" env ICOUNT=1 scripts/guest.sh -- $bench/kdbus-bench "$1"
}

# $THREAD: the processors are to run at the same time.
by_time()
{
	figures time env SMP=2 THREAD=multi scripts/guest.sh -- \
		$bench/kdbus-bench time
}

locks()
{
	MODULE='' THREAD=multi LOG=$BUILD/log/bench-locks.log \
		scripts/guest.sh --lockstat -- $bench/locks.sh >"$out/locks.out"
}

# Everything after the heading is replaced.
update_doc()
{
	doc=Documentation/performance.txt
	[ -s "$out/report.txt" ] || die "there is no report, run \"make bench\""
	sed '/^2\. Results$/,$d' "$doc" >"$out/doc.txt" &&
		printf '2. Results\n==========\n\n' >>"$out/doc.txt" &&
		sed 's/^/  /; s/ *$//' "$out/report.txt" >>"$out/doc.txt" &&
		cp "$out/doc.txt" "$doc"
}

if [ "$1" = doc ]; then
	update_doc
	exit
fi

# The names that the kernel gives to the locks of the module.
own_locks()
{
	grep -rhoE '(spin_lock|mutex)_init\([^)]*\)|init_rwsem\([^)]*\)' \
		ipc/kdbus | sed 's/.*(\(.*\))/\1/' | sort -u | tr '\n' ' '
}

version=$(scripts/kver.sh) || exit
export KVER="${version%% *}"
kernel=$(echo "$KVER" | cut -d. -f1-2)

if [ "$1" = guard ]; then
	make -s -C $bench >&2 && counting guard &&
		awk -v kernel="$kernel" -f $bench/guard.awk \
			$bench/guard.tsv "$out/guard.tsv"
	exit
fi

scripts/deps.sh bench && make -s -C $bench || exit
# One text is about one module: nothing of an earlier run gets into it.
rm -f "$out"/*
for part in instructions guard time; do
	: >"$out/$part.tsv"
done
for part in ${BENCH:-instructions guard time locks}; do
	echo "kdbus: measuring: $part" >&2
	case $part in
	instructions | guard) counting "$part" ;;
	time) by_time ;;
	locks) locks ;;
	*) die "BENCH: there is no part \"$part\"" ;;
	esac || die "measuring failed: $part"
done

{
	qemu=$(qemu-system-x86_64 --version | head -n 1)
	printf 'Linux %s, %s, %s\n' "$KVER" "${qemu%% (*}" \
		"$(gcc --version | head -n 1)"
	awk -f $bench/report.awk $bench/aims.tsv "$out/instructions.tsv" \
		"$out/guard.tsv" "$out/time.tsv"
	[ ! -e "$out/locks.out" ] ||
		awk -v ours="$(own_locks)" -f $bench/locks.awk "$out/locks.out"
} >"$out/report.txt" || die "cannot write the report"
cat "$out/report.txt"
[ ! -s "$out/instructions.tsv" ] ||
	gnuplot -e "dir='$out'" $bench/plot.gp || die "cannot draw the plots"
echo "kdbus: tables and plots are in ${out#"$TOP"/}" >&2
