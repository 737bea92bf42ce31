#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# depmod.sh HEADERS
#
# Makes an installed module known to modprobe. The kernel's "make
# modules_install" leaves that out where it sees no System.map, and Debian's
# headers have none.
#
# depmod.sh --remove DIR [RELEASE]
#
# Removes the module from below DIR, for one kernel or for all that have it, and
# makes that known. The headers may be gone by then.

depmod()
{
	/sbin/depmod -b "${root:-/}" "$1"
}

if [ "$1" != --remove ]; then
	root=$INSTALL_MOD_PATH
	release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' \
		"$1/include/generated/utsrelease.h") || exit
	depmod "$release"
	exit
fi

root=${2:-$INSTALL_MOD_PATH}
modules=$root/lib/modules
name=${MODNAME:-kdbus}
# "extra" before Linux 6.2, "updates" since then
for file in "$modules"/${3:-*}/extra/"$name".ko* \
	"$modules"/${3:-*}/updates/"$name".ko*; do
	[ -e "$file" ] || continue
	release=${file#"$modules/"}
	rm "$file" && depmod "${release%%/*}" || exit
done
