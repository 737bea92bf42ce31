#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# module.sh NAME HEADERS [make arguments]: builds the module in build/NAME,
# apart from the one that "make" builds for the running kernel, and prints the
# path of the result.

. "${0%/*}/common.sh"

name=$1 headers=$2
shift 2
dir=$BUILD/$name
log=$BUILD/log/$name.build
mkdir -p "$dir" "$BUILD/log"

# Several runs may share the directory.
exec 9>"$dir/.lock"
flock 9

# Kbuild leaves its products beside the sources, so the sources are linked
# into a tree of their own; first go the links to files that are no more.
find "$dir" -xtype l -delete
(
	cd "$TOP" || exit
	find Kbuild ipc include -name '*.[chS]' -o -name 'Kbuild*' -o \
		-name 'Makefile*'
) | while read -r file; do
	[ ! -L "$dir/$file" ] || continue
	mkdir -p "$(dirname "$dir/$file")"
	ln -s "$TOP/$file" "$dir/$file"
done

clang=$("$TOP/scripts/clang.sh" "$headers" "$@") || exit
# shellcheck disable=SC2086 # a list of words
set -- $clang "$@"
[ -n "$(command -v pahole)" ] || set -- CONFIG_DEBUG_INFO_BTF_MODULES= "$@"
if ! make -j"$(nproc)" -C "$headers" M="$dir" MODNAME="${MODNAME:=kdbus}" \
	"$@" modules >"$log" 2>&1; then
	sed "s,$dir/,," "$log" >&2
	die "the module does not build for $headers"
fi
echo "$dir/$MODNAME.ko"
