#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# initramfs.sh DIR [KVER]: packs DIR/initramfs.cpio: busybox, guest-init,
# DIR/guest.conf and those of the modules of KVER, in $KROOT if that is set, that
# it takes to mount the host's files. If $FILES names some, the guest has these
# instead, and what else it takes to run a shell script.

. "${0%/*}/common.sh"

dir=$1 kver=$2
root=$dir/initramfs
modules='virtio_pci 9pnet_virtio 9p overlay'
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

# What guest-run.sh, run_tests.sh and the selftests call.
commands='basename busybox cat date dirname dmesg find grep hostname insmod ls
	lsmod mkdir mount rm rmmod sed setsid sh sleep stat stty sync tail tar
	timeout tr umount unshare'

# The commands, FILES and the libraries of all of them.
host_files()
{
	for command in $commands; do
		command -v "$command" || die "$command is missing"
	done
	for file in $FILES; do
		echo "$file"
	done
}

copy_files()
{
	mkdir -p "$root/host/usr"
	for name in bin sbin lib lib32 lib64; do
		[ ! -L "/$name" ] || cp -P "/$name" "$root/host"
		[ ! -d "/$name" ] || mkdir -p "$root/host$(readlink -f "/$name")"
	done
	for name in dev etc home mnt proc root run sys tmp var/tmp; do
		mkdir -p "$root/host/$name"
	done
	cp /etc/passwd /etc/group "$root/host/etc"
	list=$(host_files) || return
	# scripts have none, which is what ldd says of them, too
	libraries=$(echo "$list" | xargs ldd 2>/dev/null |
		sed -n 's,^[^/]*\(/[^: ]*\) (.*,\1,p' | sort -u)
	echo "$list $libraries" | tr -s ' ' '\n' |
		xargs cp -L --parents -t "$root/host"
}

if [ -n "$FILES" ]; then
	modules=overlay
	copy_files || exit
fi

# In the order in which they have to be loaded; modprobe names the built-in
# ones "builtin".
n=100
if [ -n "$kver" ]; then
	wanted=$(for module in $modules; do
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
