#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# btf.sh MODULE VERSION IMAGE: adds type information (BTF) to a module, where
# the headers alone cannot do so, as they lack that of the kernel: it is taken
# from the image of the kernel. Without pahole the module stays as it is.

. "${0%/*}/common.sh"

module=$1 version=$2 image=$3
command -v pahole >/dev/null || exit 0

# Several virtual machines may be started with one module at once.
mkdir -p "$BUILD/btf"
exec 9>"$BUILD/btf/.lock"
flock 9
! readelf -S "$module" | grep -q '\.BTF ' || exit 0

# Little-endian number of COUNT bytes at an offset of the image.
number()
{
	od -A n -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '
}

# The boot protocol says where the compressed kernel is.
unpack()
{
	start=$((($(number 497 1) + 1) * 512 + $(number 584 4)))
	length=$(number 588 4)
	payload()
	{
		tail -c +$((start + 1)) "$image" | head -c "$length"
	}
	case $(payload | od -A n -t x1 -N 4 | tr -d ' \n') in
	fd377a58) payload | xz -dc --single-stream ;;
	28b52ffd) payload | head -c -4 | zstd -qdc ;;
	02214c18) payload | head -c -4 | lz4 -dc ;;
	1f8b*) payload | gzip -dc ;;
	*) return 1 ;;
	esac
}

# It is the same for all modules of a kernel, and large. Another kernel may have
# the same version.
hash=$(sha256sum "$image" | cut -c1-12)
base=$BUILD/btf/$version-$hash
if [ ! -s "$base" ]; then
	# what is behind the compressed kernel is no error
	unpack >"$base.tmp" 2>/dev/null
	objcopy --only-section=.BTF --set-section-flags .BTF=readonly \
		"$base.tmp" "$base.new" 2>/dev/null &&
		mv "$base.new" "$base"
	rm -f "$base.tmp" "$base.new"
fi
[ -s "$base" ] || die "found no type information in $image"

# A module that is loaded right now must not change under the kernel.
cp "$module" "$module.btf" && pahole -J --btf_base "$base" "$module.btf" &&
	mv "$module.btf" "$module"
