#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh guest|check|chroot|debug|bench: installs what is missing for a run in
# the virtual machine, for all the tests, for making a chroot, for building the
# debug kernel, for the benchmark.

. "${0%/*}/common.sh"

guest='gcc make libc6-dev kmod cpio busybox-static qemu-system-x86'
check='sparse dwarves zstd libcap-dev gcc-multilib linux-source-6.12 xz-utils mandoc openssl'
chroot='debootstrap e2fsprogs'
debug='bc bison flex libelf-dev'
bench='dbus-daemon dbus-broker gnuplot-nox'

case $1 in
guest) wanted=$guest ;;
check) wanted="$guest $check" ;;
chroot) wanted="$chroot" ;;
debug) wanted="$guest $check $debug" ;;
bench) wanted="$guest $bench" ;;
*) die "usage: deps.sh guest|check|chroot|debug|bench" ;;
esac

# Elsewhere than on Debian the packages have other names: let the first
# missing program speak for itself.
command -v dpkg-query >/dev/null || exit 0

# Any kernel that can be booted will do.
[ -n "$KVER" ] || "$TOP/scripts/kver.sh" >/dev/null 2>&1 ||
	wanted="$wanted linux-image-amd64 linux-headers-amd64"

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>&1)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || die "please install these packages:$missing"

echo "kdbus: installing$missing"
mkdir -p "$BUILD/log"
log=$BUILD/log/apt.log
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of names
if ! { apt-get -q update && apt-get -q -y -o DPkg::Lock::Timeout=600 \
	--no-install-recommends install $missing; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	die "could not install$missing"
fi
