#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make check-packages": builds the Debian packages in a clean chroot, installs
# them there with a kernel, and boots the result in a virtual machine: once with
# an initramfs of initramfs-tools, once with one of dracut. Selftests run there,
# the 64-bit ones or $TESTS of them; $SUITE is the release of Debian.

. "${0%/*}/common.sh"

log=$BUILD/log/packages
cases=$log/cases
suite=${SUITE:-bookworm}
selftests=tools/testing/selftests/kdbus
boot=tools/testing/boot
export KDBUS_CHROOT="${XDG_CACHE_HOME:-$HOME/.cache}/kdbus/chroot/$suite-packages"
cd "$TOP" && mkdir -p "$log" || exit

exec 8>"$log/lock"
flock -n 8 || { echo "kdbus: waiting for another run to end"; flock 8; }
# Other trees use the same chroot, and make it anew.
mkdir -p "${KDBUS_CHROOT%/*}" && exec 7>"$KDBUS_CHROOT.run" || exit
flock -n 7 || { echo "kdbus: waiting for another tree's run to end"; flock 7; }
scripts/deps.sh check && scripts/deps.sh chroot || exit
: >"$cases"

# step NAME COMMAND: a case that is just a command that succeeds.
step()
{
	case=$1
	shift
	if "$@" >"$log/step" 2>&1 </dev/null; then
		echo "ok $case" | tee -a "$cases"
	else
		tail -n 30 "$log/step"
		echo "not ok $case" | tee -a "$cases"
		summary
	fi
}

summary()
{
	passed=$(grep -c '^ok' "$cases")
	failed=$(grep -c '^not ok' "$cases")
	skipped=$(grep -c '^skip' "$cases")
	echo
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit
}

# tap PREFIX FILE: records what is reported there.
tap()
{
	awk -v prefix="$1" '
	/^(not )?ok / {
		sub(/ok [0-9]+ /, "ok " prefix ": ")
		print
	}' "$2" | tee -a "$cases"
}

inside()
{
	scripts/chroot.sh "$suite" "$@"
}

clean_chroot()
{
	rm -rf "$KDBUS_CHROOT" "$KDBUS_CHROOT.updated"
	root=$(scripts/chroot.sh "$suite")
}

# Only what is in the tree under version control, or would be.
source_tree()
{
	rm -rf "$root/build" && mkdir -p "$root/build/kdbus" &&
		tar -c --exclude=./build --exclude=./.git --exclude='*.o' . |
		tar -C "$root/build/kdbus" -x &&
		make -C "$root/build/kdbus" clean
}

build_packages()
{
	inside apt-get -q -y --no-install-recommends install build-essential \
		debhelper dh-dkms &&
		inside sh -c 'cd /build/kdbus && dpkg-buildpackage -b -us -uc'
}

# To where no source is.
install_tests()
{
	make -s -C $boot && make -s -C $selftests &&
		rm -rf "$root/opt/kdbus" && mkdir -p "$root/opt/kdbus" &&
		cp $boot/early $boot/*.sh "$root/opt/kdbus/" &&
		make -s -C $selftests install \
			INSTALL_PATH="$root/opt/kdbus/selftests" &&
		BITS=64 scripts/programs.sh 1 1 | sed 's,.*/,./,' |
		tr '\n' ' ' >"$root/opt/kdbus/tests"
}

# Small, but with all that was installed.
make_image()
{
	rm -f "$log/disk"
	rm -rf "${root:?}/build" "$root"/var/cache/apt/archives/*.deb
	echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
	mke2fs -q -t ext4 -d "$root" "$log/disk" 3G
}

# boot NAME INITRD
boot()
{
	cp --sparse=always "$log/disk" "$log/disk.$1"
	timeout --foreground -k 5 "${T:-1800}" qemu-system-x86_64 -nodefaults \
		-no-user-config -display none -monitor none -nic none \
		-no-reboot -cpu max -accel tcg,thread=single -smp 2 -m 2G \
		-kernel "$root"/boot/vmlinuz-* -initrd "$2" \
		-append "root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off quiet loglevel=5" \
		-serial "file:$log/$1.log" -serial "file:$log/$1.tap" \
		-drive "file=$log/disk.$1,format=raw,if=virtio" \
		</dev/null 7>&- 8>&-
	rm -f "$log/disk.$1"
	tr -d '\r' <"$log/$1.tap" >"$log/$1.results"
	tap "$1" "$log/$1.results"
	if ! grep -q '^# end' "$log/$1.results"; then
		tail -n 20 "$log/$1.log"
		echo "not ok $1: system boots and runs the check" |
			tee -a "$cases"
	fi
}

step "clean chroot" clean_chroot
root=$(scripts/chroot.sh "$suite")
step "source" source_tree
step "packages build" build_packages
step "selftests and programs" install_tests
inside /opt/kdbus/install.sh /build >"$log/install.tap" 2>&1
tap install "$log/install.tap"
if grep -q '^not ok' "$cases"; then
	grep '^#' "$log/install.tap"
	summary
fi
step "disk" make_image
boot initramfs-tools "$root"/boot/initrd.img-*
boot dracut "$root/boot/dracut.img"
grep '^not ok' "$log"/*.results
summary
