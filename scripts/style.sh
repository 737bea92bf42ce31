#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make style": checkpatch, from the kernel's source, and sparse and W=1 on the
# module and its header; shellcheck on scripts, where it is installed; and rules
# of our own, on all files. Prints what it finds, and fails then.

. "${0%/*}/common.sh"

cd "$TOP" && mkdir -p "$BUILD/style" "$BUILD/log" || exit
found=0

# show TITLE: prints what comes in, if anything does.
show()
{
	output=$(cat)
	[ -n "$output" ] || return 0
	printf '%s:\n%s\n\n' "$1" "$output"
	return 1
}

# checkpatch belongs to the kernel; Debian's headers do not have it.
fetch_checkpatch()
{
	dir=$BUILD/style
	[ ! -x "$dir/checkpatch.pl" ] || return 0
	for from in "$CHECKPATCH" "$(scripts/kdir.sh 2>/dev/null)/scripts"; do
		if [ -r "$from/checkpatch.pl" ]; then
			cp "$from/checkpatch.pl" "$from/spelling.txt" \
				"$from/const_structs.checkpatch" "$dir"
			return
		fi
	done
	tarball=$(ls -v /usr/src/linux-source-*.tar.xz 2>/dev/null | tail -n 1)
	[ -n "$tarball" ] || die "set CHECKPATCH to scripts of a kernel's" \
		"source, or on Debian: apt-get install linux-source"
	tar -C "$dir" --strip-components=2 --wildcards -xf "$tarball" \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
		'*/scripts/const_structs.checkpatch'
}

# What checkpatch would have here does not go for a module of its own:
#  LINUX_VERSION_CODE	compat.h is what it is for
#  CONSTANT_COMPARISON	takes LINUX_VERSION_CODE for a constant
#  MACRO_ARG_UNUSED	happens in compat.h, where kernels differ
#  FILE_PATH_CHANGES	there is no MAINTAINERS of the kernel
#  SPDX_LICENSE_TAG	samples and tools have another license
#  MEMORY_BARRIER	our comments are where the order is explained, not always
#			in the line before
#  NEW_TYPEDEFS, COMPLEX_MACRO: there are three, each for a reason beside it
ignore=LINUX_VERSION_CODE,FILE_PATH_CHANGES,SPDX_LICENSE_TAG
ignore=$ignore,CONSTANT_COMPARISON,MACRO_ARG_UNUSED,MEMORY_BARRIER
ignore=$ignore,NEW_TYPEDEFS,COMPLEX_MACRO

checkpatch()
{
	find ipc include -name '*.[ch]' -print0 |
		xargs -0 -n 16 "$BUILD/style/checkpatch.pl" --no-tree --terse \
		--no-summary --file --showfile --show-types --ignore "$ignore"
}

sparse()
{
	scripts/module.sh sparse "$(scripts/kdir.sh 2>/dev/null)" W=1 C=2 \
		>/dev/null || return
	sed "s,$BUILD/sparse/,," "$BUILD/log/sparse.build" |
		grep -E 'kdbus[^:]*:[0-9:]+ (warning|error):'
}

# What COPYING says about a file.
license()
{
	case $1 in
	# licenses, and what has a format without comments
	LICENSES/* | debian/changelog | debian/copyright | debian/source/format) ;;
	include/uapi/*) echo 'GPL-2.0 WITH Linux-syscall-note' ;;
	tools/testing/unit/*) echo GPL-2.0 ;;
	Documentation/man/* | samples/* | tools/*) echo LGPL-2.1+ ;;
	*) echo GPL-2.0 ;;
	esac
}

# One concern to a file, and all that depends on the kernel's version in one.
own_rules()
{
	grep -rlE 'LINUX_VERSION_CODE|KERNEL_VERSION' ipc |
		grep -vx ipc/kdbus/compat.h | sed 's/$/: asks for the version/'
	# shellcheck disable=SC2046 # patterns
	git ls-files ipc | grep -vxF "$(ls $(sed -n 's/^F:\t\(ipc.*\)/\1/p' \
		MAINTAINERS))" | sed 's/$/: is in no section of MAINTAINERS/'
	git ls-files '*.[ch]' '*.sh' | while read -r file; do
		[ ! -f "$file" ] || [ "$(wc -l <"$file")" -lt 900 ] ||
			echo "$file: has 900 lines or more"
	done
	git ls-files | while read -r file; do
		license=$(license "$file")
		[ -z "$license" ] || [ ! -f "$file" ] || head -n 3 "$file" |
			grep -q "SPDX-License-Identifier: $license\( \*/\)*$" ||
			echo "$file: does not name $license as its license"
	done
}

scripts_check()
{
	command -v shellcheck >/dev/null || return 0
	grep -lE '^#!/bin/(ba)?sh' -r scripts packaging tools \
		--exclude-dir=build --exclude-dir=node_modules |
		xargs shellcheck -x -P SCRIPTDIR -S warning -f gcc
}

fetch_checkpatch || exit
checkpatch 2>&1 | show checkpatch || found=1
sparse 2>&1 | show sparse || found=1
scripts_check 2>&1 | show shellcheck || found=1
own_rules 2>&1 | show "rules of our own" || found=1
[ $found = 0 ] && echo "kdbus: nothing to complain about"
exit $found
