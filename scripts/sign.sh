#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# sign.sh HEADERS HASH KEY CERTIFICATE MODULE: signs with the program that comes
# with the kernel's headers.

for file in "$3" "$4"; do
	if [ ! -r "$file" ]; then
		echo "kdbus: cannot read $file: set SIGN_KEY to the private key" \
			"and SIGN_CERT to its certificate (DER)" >&2
		exit 1
	fi
done
program=$1/scripts/sign-file
if [ ! -x "$program" ]; then
	echo "kdbus: there is no $program" >&2
	exit 1
fi
exec "$program" "$2" "$3" "$4" "$5"
