#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# walk-through.sh DIR: takes the program out of Documentation/kdbus.txt and
# builds it, as DIR/walk-through.

. "${0%/*}/common.sh"

mkdir -p "$1" || exit
awk '/-- end walk-through.c --/ { inside = 0 }
	inside { sub(/^\t/, ""); print }
	/-- begin walk-through.c --/ { inside = 1 }' \
	"$TOP/Documentation/kdbus.txt" >"$1/walk-through.c"
${CC:-cc} -Wall -Wextra -Werror -I"$TOP/include/uapi" -o "$1/walk-through" \
	"$1/walk-through.c"
