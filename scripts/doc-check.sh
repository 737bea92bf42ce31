#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make doc-check": the documentation names all that the header defines, its
# program compiles, manual pages are well-formed, and kernel-doc comments fit
# the code. Reports in TAP.

. "${0%/*}/common.sh"

cd "$TOP" && mkdir -p "$BUILD/doc" || exit
header=include/uapi/linux/kdbus.h
n=0 failed=0
echo "TAP version 13"

# expect NAME COMMAND: it succeeds and says nothing.
expect()
{
	name=$1
	shift
	n=$((n + 1))
	if output=$("$@" 2>&1 </dev/null) && [ -z "$output" ]; then
		echo "ok $n $name"
	else
		echo "$output" | sed 's/^/# /'
		echo "not ok $n $name"
		failed=1
	fi
}

skip()
{
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

# A name may stand without the prefix of its kind, and _ may stand for what the
# names of structures have in common.
symbols()
{
	sed 's,/\*.*\*/,,; /\/\*/,/\*\//d' $header |
		grep -oE '\b_?KDBUS_[A-Z0-9_]+|\bkdbus_[a-z0-9_]+' |
		sort -u | while read -r symbol; do
		short=$(echo "$symbol" | sed -E 's/^KDBUS_(ITEM|CMD|RECV|ATTACH|HELLO|MSG|LIST|POLICY)_//; s/^kdbus_cmd(_[a-z]+)$/\1/')
		grep -qwF -e "$symbol" -e "$short" Documentation/kdbus.txt ||
			echo "kdbus.txt does not mention $symbol"
	done
}

# errors FILE...: each errno that the module returns
errors()
{
	grep -ohE '\-E[A-Z0-9]+\b' ipc/kdbus/*.c | sort -u | sed 's/^-//' |
		while read -r errno; do
		case $errno in
		# never seen by user space
		ECHILD | ENOPARAM | ERESTARTSYS | ESTALE) ;;
		*)
			grep -qw "$errno" "$@" ||
				echo "there is no word of $errno"
			;;
		esac
	done
}

# Each item and command, by full name.
pages()
{
	grep -oE '\bKDBUS_(ITEM|CMD|HELLO|MSG|SEND|RECV|LIST|NAME|MAKE|MATCH|POLICY|ATTACH)_[A-Z_]+' \
		$header | grep -v '_$' | sort -u | while read -r symbol; do
		grep -qw "$symbol" Documentation/man/*.7 ||
			echo "no manual page mentions $symbol"
	done
}

lint()
{
	# what it says counts, not whether grep found a line
	mandoc -Tlint -Wwarning Documentation/man/*.7 |
		grep -v 'outdated mandoc.db' || :
}

kernel_doc()
{
	for file in ipc/kdbus/*.[ch] $header; do
		"$program" -none "$file"
	done
}

headers=${KDIR:-$(scripts/kdir.sh 2>/dev/null)}
program=$(for file in "$headers"/scripts/kernel-doc \
	"$headers"/source/scripts/kernel-doc \
	/usr/src/linux-headers-*-common/scripts/kernel-doc; do
	[ ! -x "$file" ] || echo "$file"
done | head -n 1)

expect "kdbus.txt names all that the header defines" symbols
expect "kdbus.txt names every errno" errors Documentation/kdbus.txt
expect "manual pages name every errno" errors Documentation/man/*.7
expect "the program in kdbus.txt compiles" scripts/walk-through.sh "$BUILD/doc"
expect "manual pages name commands, flags and items" pages
if command -v mandoc >/dev/null; then
	expect "mandoc finds nothing" lint
else
	skip "mandoc finds nothing" "no mandoc"
fi
if [ "$program" ]; then
	expect "kernel-doc finds nothing" kernel_doc
else
	skip "kernel-doc finds nothing" "no kernel-doc in $headers"
fi
echo "1..$n"
exit $failed
