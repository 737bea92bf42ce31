#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# chroot.sh SUITE: prints the directory of a minimal Debian SUITE, kept in the
# user's cache and made on first use. After a week its lists of packages are
# fetched again.
# chroot.sh [--alone] SUITE COMMAND...: runs a command in it, as root, with
# /proc, and with this tree at its own place. With --alone, while no other such
# command runs there: several trees share one chroot.

. "${0%/*}/common.sh"

alone=
if [ "$1" = --alone ]; then
	alone=1
	shift
fi
suite=$1
[ -n "$suite" ] || die "usage: chroot.sh [--alone] SUITE [COMMAND...]"
shift
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
dir=${KDBUS_CHROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/kdbus/chroot/$suite}

sources()
{
	for archive in "debian $suite" "debian $suite-updates" \
		"debian $suite-backports" "debian-security $suite-security"; do
		echo "deb $mirror/${archive% *} ${archive#* } main"
	done
}

create()
{
	"$TOP/scripts/deps.sh" chroot >&2 || exit
	[ "$(id -u)" = 0 ] || die "making a chroot takes root"
	echo "kdbus: making a chroot with Debian $suite, once" >&2
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	# what it mounts goes with it
	if ! unshare --mount debootstrap --variant=minbase "$suite" "$dir.new" "$mirror/debian" \
		>"$dir.log" 2>&1; then
		tail -n 20 "$dir.log" >&2
		die "could not make a chroot with Debian $suite"
	fi
	sources >"$dir.new/etc/apt/sources.list"
	printf '%s\n' '#!/bin/sh' 'exit 101' >"$dir.new/usr/sbin/policy-rc.d"
	chmod 755 "$dir.new/usr/sbin/policy-rc.d"
	mv "$dir.new" "$dir"
}

# Each in a namespace of its own, so that nothing stays mounted or running.
# Takes the place of the shell.
inside()
{
	# shellcheck disable=SC2016 # for the shell inside
	exec unshare --mount --pid --fork --kill-child sh -c '
		dir=$1 top=$2
		shift 2
		mkdir -p "$dir$top" &&
			mount --bind "$top" "$dir$top" &&
			mount -t proc proc "$dir/proc" &&
			mount -t tmpfs -o mode=755 dev "$dir/dev" || exit
		for node in null zero full random urandom tty; do
			: >"$dir/dev/$node" &&
				mount --bind "/dev/$node" "$dir/dev/$node" ||
				exit
		done
		mkdir "$dir/dev/shm" && ln -s /proc/self/fd "$dir/dev/fd" || exit
		cp /etc/resolv.conf "$dir/etc/resolv.conf" 2>/dev/null
		cd "$dir$top" || exit
		exec chroot "$dir" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			sh -c '\''cd "$1" && shift && exec "$@"'\'' sh "$top" "$@"
	' sh "$dir" "$TOP" "$@"
}

mkdir -p "${dir%/*}" || exit
exec 9>"$dir.lock"
flock -n 9 || { echo "kdbus: waiting for the chroot with $suite" >&2; flock 9; }
[ -d "$dir" ] || create
if [ -z "$(find "$dir.updated" -mtime -7 2>/dev/null)" ]; then
	# else, a list that cannot be fetched is but a warning
	if ! (inside apt-get -q -o APT::Update::Error-Mode=any \
		-o Acquire::Retries=3 update) >"$dir.log" 2>&1; then
		tail -n 20 "$dir.log" >&2
		die "could not fetch the lists of packages for $suite; to do" \
			"with those that are there: touch $dir.updated"
	fi
	: >"$dir.updated"
fi
[ "$alone" ] || exec 9>&-

if [ $# = 0 ]; then
	echo "$dir"
else
	inside "$@"
fi
