# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# Sourced by the other scripts.

TOP=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit
BUILD=$TOP/build

# The make that called us must not leak its options and variables into the
# ones that are called from here.
unset MAKEFLAGS MFLAGS MAKELEVEL KDIR KERNELDIR KERNELRELEASE

die()
{
	printf 'kdbus: %s\n' "$*" >&2
	exit 1
}
