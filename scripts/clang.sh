#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# clang.sh HEADERS [make arguments]
#
# Prints what else to tell make if CC= or LLVM= among the arguments ask for
# clang, and the headers are those of a kernel that gcc has built, as Debian's
# are. Their configuration is about gcc and brings in options that only gcc has;
# what is said on the command line of make counts instead. The module fits the
# kernel: on how functions are called and structures laid out, both compilers
# agree.

. "${0%/*}/common.sh"

config=$1/include/config/auto.conf
shift
cc='' llvm=''
for argument; do
	case $argument in
	CC=) ;;
	CC=*) cc=${argument#CC=} ;;
	LLVM=*) llvm=${argument#LLVM=} ;;
	esac
done

# As the kernel reads LLVM=. But Debian's headers name a compiler all the same.
if [ -z "$cc" ] && [ -n "$llvm" ]; then
	case $llvm in
	*/) cc=${llvm}clang ;;
	-*) cc=clang$llvm ;;
	*) cc=clang ;;
	esac
	set -- "CC=$cc"
else
	set --
fi
case $cc in
*clang*) ;;
*) exit 0 ;;
esac

has()
{
	grep -qx "CONFIG_$1=y" "$config"
}
has CC_IS_GCC || exit 0

# shellcheck disable=SC2086 # it may be behind ccache
version=$($cc -dumpversion) || die "there is no $cc"
version=$(echo "$version" | awk -F. '{ print $1 * 10000 + $2 * 100 + $3 }')
[ "$version" -ge 150000 ] || ! { has RETHUNK || has MITIGATION_RETHUNK; } ||
	die "this kernel wants functions to return by a thunk," \
		"which takes clang 15 or a newer one"

set -- "$@" CONFIG_CC_IS_GCC= CONFIG_GCC_VERSION=0 CONFIG_CC_IS_CLANG=y \
	"CONFIG_CLANG_VERSION=$version" \
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough \
	CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=
[ "$version" -ge 160000 ] ||
	set -- "$@" CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y
# objtool notes where to trace, if the compiler cannot; but the kernel wants to
# find calls there, as in what gcc has compiled. Before Linux 6.2 it finds what
# objtool made of them; functions are not traced then.
if has FTRACE_MCOUNT_USE_CC && has HAVE_OBJTOOL_NOP_MCOUNT; then
	set -- "$@" CONFIG_FTRACE_MCOUNT_USE_CC= CONFIG_FTRACE_MCOUNT_USE_OBJTOOL=y \
		CONFIG_HAVE_OBJTOOL_NOP_MCOUNT=
elif has FTRACE_MCOUNT_USE_CC; then
	set -- "$@" CONFIG_FTRACE_MCOUNT_USE_CC= CC_FLAGS_FTRACE=
fi
! has UBSAN_BOUNDS_STRICT ||
	set -- "$@" CONFIG_UBSAN_BOUNDS_STRICT= CONFIG_UBSAN_ARRAY_BOUNDS=y
# What is wrong with clang in the headers themselves; "-include" without a blank.
echo "$* CFLAGS_MODULE=-include$TOP/scripts/clang.h"
