#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# initramfs.sh DIR [KVER]: packs DIR/initramfs.cpio: busybox, guest-init,
# DIR/guest.conf and those of the modules of KVER, in $KROOT if that is set, that
# it takes to mount the host's files.

. "${0%/*}/common.sh"

dir=$1 kver=$2
root=$dir/initramfs
mkdir -p "$root/bin" "$root/modules" "$root/etc"

busybox=$(command -v busybox) || die "busybox is missing"
cp "$busybox" "$root/bin/busybox"
cp "$TOP/scripts/guest-init" "$root/init"
cp "$dir/guest.conf" "$root/etc/guest.conf"

# Newer kernels come with compressed modules, which busybox cannot load.
unpack()
{
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*) cat "$1" ;;
	esac
}

# In the order in which they have to be loaded; modprobe names the built-in
# ones "builtin".
n=100
if [ -n "$kver" ]; then
	wanted=$(for module in virtio_pci 9pnet_virtio 9p overlay; do
		/sbin/modprobe -d "$KROOT/" -S "$kver" --show-depends "$module" ||
			die "kernel $kver has no $module"
	done) || exit
	echo "$wanted" | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r file; do
		n=$((n + 1))
		unpack "$file" >"$root/modules/$n-$(basename "$file" .ko)" ||
			die "cannot unpack $file"
	done || exit
fi

cd "$root" && find . | cpio -o -H newc --quiet >"$dir/initramfs.cpio"
