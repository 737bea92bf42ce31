#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# debug-kernel.sh [debug|kcsan|lockstat|coverage]
#
# Prints the directory of a kernel for the tests: Debian's Linux 6.12 with
# tinyconfig and debug.config, changed by one of the other configurations if that
# is asked for.
# It is built on first use and kept in the user's cache. A change of the source
# or of the configuration makes another one, and so does another number below.

. "${0%/*}/common.sh"

# What this script does to the source, counted up when that changes.
revision=1

source=linux-source-6.12
tarball=/usr/src/$source.tar.xz

"$TOP/scripts/deps.sh" debug >&2 || exit
version=$(dpkg-query -W -f '${Version}' $source 2>/dev/null)
[ -f $tarball ] || die "$tarball is missing"

# The symbol that a line is about, whatever it says about it.
symbol='s/^\(# \|-\|\)\(CONFIG_[A-Za-z0-9_]*\)\(=.*\| is not set\|\)$/\2/p'

wanted()
{
	case ${1:-debug} in
	debug) cat "$TOP/scripts/debug.config" ;;
	kcsan | lockstat | coverage)
		changes=$TOP/scripts/$1.config
		named=$(sed -n "$symbol" "$changes")
		grep -v -w -F "$named" "$TOP/scripts/debug.config"
		grep -v '^-' "$changes"
		;;
	*) die "usage: debug-kernel.sh [debug|kcsan|lockstat|coverage]" ;;
	esac
}

config=$(wanted "$1") || exit
hash=$(echo "$revision $config" | sha256sum | cut -c1-12)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/kdbus/linux-$version-$hash
tree=$dir/$source
log=$dir/build.log

mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if [ -e "$dir/done" ]; then
	echo "$tree"
	exit
fi

# Neither needed for this kernel nor read by its configuration.
unpack()
{
	rm -rf "$tree"
	tar -C "$dir" -x -f $tarball -I 'xz -T0' \
		--exclude="$source/arch/[!x]*/*.[chS]" --exclude='*.dts*' \
		--exclude='*/drivers/gpu/*.[ch]' \
		--exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/net/ethernet/*.[ch]' \
		--exclude='*/drivers/net/wireless/*.[ch]' \
		--exclude="$source/sound/*.[ch]" \
		--exclude="$source/Documentation/*.rst"
}

# Kconfig silently drops what it does not know or finds without what it needs.
configure()
{
	make -C "$tree" tinyconfig && echo "$config" >>"$tree/.config" &&
		make -C "$tree" olddefconfig || return
	! echo "$config" |
		grep -x 'CONFIG_[^ ]*=.*\|# CONFIG_[^ ]* is not set' |
		grep -v -x -F -f "$tree/.config" | grep .
}

compile()
{
	nice make -C "$tree" -j"$(nproc)" bzImage modules
}

echo "kdbus: building the ${1:-debug} kernel, once;" \
	"this takes some minutes" >&2
for step in unpack configure compile; do
	if ! $step >>"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "could not $step the debug kernel, see $log"
	fi
done
: >"$dir/done"
echo "$tree"
