#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# sign-check.sh HEADERS MODULE: signs a copy of the module with a new key, and
# looks whether the signature is there and by that key.

. "${0%/*}/common.sh"

dir=$BUILD/sign
rm -rf "$dir"
mkdir -p "$dir" && cp "$2" "$dir/kdbus.ko" || exit

openssl req -new -x509 -newkey rsa:2048 -nodes -days 1 -outform DER \
	-subj "/CN=kdbus test/" -keyout "$dir/key" -out "$dir/certificate" \
	2>"$dir/openssl.log" || { cat "$dir/openssl.log"; exit 1; }

[ -z "$(/sbin/modinfo -F signer "$dir/kdbus.ko")" ] ||
	die "the module had a signature before"
"$TOP/scripts/sign.sh" "$1" sha256 "$dir/key" "$dir/certificate" \
	"$dir/kdbus.ko" || exit
tail -c 28 "$dir/kdbus.ko" | grep -aqx '~Module signature appended~' ||
	die "the module has no signature"
[ "$(/sbin/modinfo -F signer "$dir/kdbus.ko")" = "kdbus test" ] ||
	die "the signature is not by the key"

# one that cannot be used is an error
! "$TOP/scripts/sign.sh" "$1" sha256 "$dir/none" "$dir/certificate" \
	"$dir/kdbus.ko" 2>/dev/null
