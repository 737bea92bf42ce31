#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel-setup.sh FROM PACKAGE [COMPILER]
#
# Runs in a chroot (see chroot.sh): gets the newest kernel that
# linux-headers-PACKAGE stands for, its headers and their compiler, and prints
# its version. The kernel itself is only unpacked: installing it would make an
# initramfs.

from=$1 package=$2 compiler=$3
release=
[ "$from" != backports ] ||
	release=/$(. /etc/os-release && echo "$VERSION_CODENAME")-backports

depends()
{
	apt-cache depends "$1" | sed -n 's/^ *Depends: \([^<>]*\)$/\1/p'
}

# What the package depends on is what it would install. A version that its name
# begins with is part of a longer one there.
version=$(apt-get -s --no-install-recommends install \
	"linux-headers-$package$release" 2>/dev/null |
	sed -n "s/^Inst \(linux-headers-[0-9][^ ]*-${package#[0-9]*-}\) .*/\1/p" |
	sed 's/^linux-headers-//' | sort -V | tail -n 1)
if [ -z "$version" ]; then
	echo "kdbus: there is no linux-headers-$package here" >&2
	exit 1
fi

# perl is for W=1, which checks the kernel-doc, too
tools='make binutils perl' unpack="linux-headers-$version"
case $compiler in
clang*) tools="$tools $compiler" ;;
esac
for dependency in $(depends "linux-headers-$version"); do
	case $dependency in
	linux-headers-*) unpack="$unpack $dependency" ;;
	linux-kbuild-*)
		unpack="$unpack $dependency"
		tools="$tools $(depends "$dependency")"
		;;
	linux-base* | linux-image-*) ;;
	*) tools="$tools $dependency" ;;
	esac
done
for part in image base binary modules; do
	! apt-cache show "linux-$part-$version" >/dev/null 2>&1 ||
		unpack="$unpack linux-$part-$version"
done

get()
{
	done=/var/cache/kdbus/$1
	[ ! -e "$done" ] || return 0
	mkdir -p /var/cache/kdbus && new=$(mktemp -d /var/cache/kdbus/get.XXXXXX) &&
		cd "$new" &&
		apt-get -q -o APT::Sandbox::User=root download "$1" &&
		dpkg-deb --fsys-tarfile ./*.deb |
		tar -C / -x --keep-directory-symlink --exclude=./usr/share/doc &&
		: >"$done"
	result=$?
	cd / && rm -rf "$new"
	return $result
}

{
	# shellcheck disable=SC2086 # a list of names
	apt-get -q -y -o DPkg::Lock::Timeout=600 --no-install-recommends \
		install $tools || exit
	for part in $unpack; do
		get "$part" || exit
	done
} >&2
echo "$version"
