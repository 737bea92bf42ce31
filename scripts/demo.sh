#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make demo": what kdbus looks like, in less than a minute.

. "${0%/*}/common.sh"
cd "$TOP" || exit

scripts/deps.sh guest || exit
log=$BUILD/log/samples.log
mkdir -p "$BUILD/log"
if ! make -C samples/kdbus >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	die "the samples do not build"
fi
exec scripts/guest.sh --verbose -- scripts/guest-demo.sh
