#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# install-check.sh NAME HEADERS [make arguments]
#
# Runs "make install" and "make uninstall" with a DESTDIR: everything is there
# after the one, nothing but what depmod writes after the other. The module is
# what module.sh has built with these arguments, so that it is not built again.

. "${0%/*}/common.sh"

name=$1 headers=$2
shift 2
dest=$BUILD/install
log=$BUILD/log/install
tree=$BUILD/$name
module=${MODNAME:-kdbus}.ko
# all kernels, and not just this one, are looked at
unset KVER

"$TOP/scripts/module.sh" "$name" "$headers" "$@" >/dev/null || exit
for file in Makefile README Documentation packaging samples scripts; do
	ln -sfn "$TOP/$file" "$tree/$file" || exit
done
rm -rf "$dest"

# run TARGET [make arguments]
run()
{
	make -C "$tree" "$@" DESTDIR="$dest" PREFIX=/usr/local >"$log" 2>&1 &&
		return
	tail -n 20 "$log" >&2
	die "make $1 fails"
}

known()
{
	grep -q "/$module" "$dest"/lib/modules/*/modules.dep
}

run install KDIR="$headers" "$@"
missing=$(cd "$dest" && ls usr/local/bin/kdbus-monitor \
	usr/local/include/linux/kdbus.h usr/local/share/pkgconfig/kdbus.pc \
	usr/local/share/man/man7/kdbus.7 \
	usr/local/share/doc/kdbus-tools/README \
	usr/local/share/doc/kdbus-tools/examples/Makefile \
	usr/lib/systemd/system/sys-fs-kdbus.mount \
	usr/lib/modules-load.d/kdbus.conf \
	usr/share/initramfs-tools/hooks/kdbus \
	usr/share/initramfs-tools/scripts/init-top/kdbus \
	usr/lib/dracut/modules.d/90kdbus/module-setup.sh \
	usr/lib/dracut/modules.d/90kdbus/mount-kdbus.sh \
	lib/modules/*/*/"$module"* 2>&1 >/dev/null)
[ -z "$missing" ] || die "$missing"
known || die "modprobe would not find $module"

# there may be no headers any more
run uninstall KDIR=/nowhere
left=$(find "$dest" ! -type d ! -path "$dest/lib/modules/*/modules.*")
[ -z "$left" ] || die "left behind: $left"
! known || die "modprobe would still look for $module"
