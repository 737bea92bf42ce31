#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1+
#
# install.sh DEBS
#
# Runs in a chroot that is to be booted: installs the packages from the directory
# DEBS with a kernel, as a user would, and makes an initramfs with each of the
# two programs for that. Reports in TAP.

debs=$1
here=${0%/*}
n=0
echo "TAP version 13"

step()
{
	n=$((n + 1))
	name=$1
	shift
	if "$@" >/tmp/step 2>&1 </dev/null; then
		echo "ok $n $name"
	else
		tail -n 30 /tmp/step | sed 's/^/# /'
		echo "not ok $n $name"
		echo "1..$n"
		exit 1
	fi
}

install_packages()
{
	# dkms has to be there before the kernel, and openssl for it to sign
	apt-get -q -y --no-install-recommends install systemd-sysv udev kmod procps \
		initramfs-tools dracut-core openssl linux-image-amd64 \
		linux-headers-amd64 "$debs"/*.deb
}

version()
{
	for dir in /lib/modules/*; do
		echo "${dir##*/}"
	done | sort -V | tail -n 1
}

signed()
{
	[ "$(modinfo -k "$(version)" -F sig_id kdbus)" = 'PKCS#7' ]
}

left_out()
{
	mkdir -p /tmp/old/include/config /tmp/old/scripts &&
		printf 'all:\n\t@false\n' >/tmp/old/Makefile &&
		: >/tmp/old/.config
	dkms build -m kdbus/"$1" -k 5.10.0-old --kernelsourcedir /tmp/old \
		>/tmp/dkms 2>&1
	cat /tmp/dkms
	grep -q 'BUILD_EXCLUSIVE' /tmp/dkms
}

# Into both kinds of initramfs goes a program that is to run there.
early_hook()
{
	install -m 755 "$here/early" /usr/local/bin/early &&
	cat >/etc/initramfs-tools/hooks/early <<-'END' &&
		#!/bin/sh
		[ "$1" != prereqs ] || exit 0
		. /usr/share/initramfs-tools/hook-functions
		copy_exec /usr/local/bin/early /bin
	END
	cat >/etc/initramfs-tools/scripts/init-premount/early <<-'END' &&
		#!/bin/sh
		[ "$1" != prereqs ] || exit 0
		early serve >/dev/kmsg 2>&1
	END
	mkdir -p /usr/lib/dracut/modules.d/91early &&
	cat >/usr/lib/dracut/modules.d/91early/module-setup.sh <<-'END' &&
		install()
		{
			inst /usr/local/bin/early /bin/early
			inst_hook pre-mount 10 "$moddir/early.sh"
		}
	END
	cat >/usr/lib/dracut/modules.d/91early/early.sh <<-'END' &&
		early serve >/dev/kmsg 2>&1
	END
	chmod 755 /etc/initramfs-tools/hooks/early \
		/etc/initramfs-tools/scripts/init-premount/early \
		/usr/lib/dracut/modules.d/91early/*.sh
}

make_initramfs()
{
	echo 'MODULES=list' >/etc/initramfs-tools/conf.d/modules
	printf '%s\n' virtio_pci virtio_blk ext4 >>/etc/initramfs-tools/modules
	update-initramfs -c -k "$(version)"
}

# As packaging/README says; without the one line, the module is in there.
kept_away()
{
	echo KDBUS=n >/etc/initramfs-tools/conf.d/kdbus &&
		mkinitramfs -o /tmp/initrd "$(version)" &&
		rm /etc/initramfs-tools/conf.d/kdbus &&
		lsinitramfs "/boot/initrd.img-$(version)" | grep 'kdbus\.ko' &&
		! lsinitramfs /tmp/initrd | grep 'kdbus\.ko' &&
		rm /tmp/initrd
}

make_dracut()
{
	dracut --force --no-hostonly --omit 'network nfs iscsi multipath dm lvm
		mdraid crypt btrfs plymouth resume' --add 'kdbus early' \
		--drivers 'virtio_pci virtio_blk ext4 crc32c_generic' \
		"/boot/dracut.img" "$(version)"
}

check_units()
{
	cat >/etc/systemd/system/check.service <<-END
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS1
		ExecStart=$here/booted.sh
		ExecStopPost=/bin/systemctl poweroff -ff
	END
	mkdir -p /etc/systemd/system/multi-user.target.wants
	ln -sf /etc/systemd/system/check.service \
		/etc/systemd/system/multi-user.target.wants/
}

package_version=$(dpkg-deb -f "$debs"/kdbus-dkms_*.deb Version)
step "packages install" install_packages
# the initramfs that is booted is made below
step "package has the initramfs made anew" grep -x \
	'activate-noawait update-initramfs' /var/lib/dpkg/info/kdbus-dkms.triggers
step "dkms installed the module" sh -c "dkms status kdbus | grep installed"
step "dkms signed the module" signed
step "dkms leaves out a kernel that is too old" left_out "$package_version"
step "header compiles" sh -c 'echo "#include <linux/kdbus.h>" |
	gcc -Wall -Werror -fsyntax-only -x c -'
step "programs for the initramfs" early_hook
step "initramfs-tools makes an initramfs" make_initramfs
step "KDBUS=n keeps kdbus out of it" kept_away
step "dracut makes an initramfs" make_dracut
step "units for the check" check_units
echo "1..$n"
