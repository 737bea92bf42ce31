#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1+
#
# Is kdbus.txt true of the header? All its constants exist, it has all of the
# header's, every command is there, and the members of its structures are where
# they are in C.

cd "$(dirname "$0")" || exit
text=${1:-kdbus.txt} header=../../../include/uapi/linux/kdbus.h
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
status=0

complain()
{
	echo "$text: $*"
	status=1
}

sed 's/#.*//' "$text" >"$dir/text"
grep -o '\<KDBUS_[A-Z0-9_]*' "$dir/text" | sort -u >"$dir/used"

# Without the names that only mark where a range begins or ends.
${CC:-gcc} -E -P -dD "$header" | grep -o '\<KDBUS_[A-Z0-9_]*' | sort -u |
	grep -v -x 'KDBUS_IOCTL_MAGIC' >"$dir/defined"

for name in $(comm -23 "$dir/used" "$dir/defined"); do
	complain "the header has no $name"
done
for name in $(comm -13 "$dir/used" "$dir/defined"); do
	complain "$name is missing"
done
for name in $(grep '^KDBUS_CMD_' "$dir/defined"); do
	grep -q "^ioctl\$$name(.*const\[$name\]" "$dir/text" ||
		complain "there is no call of $name"
done

# Each member becomes an assertion; what is behind a member of no fixed size is
# not there in C either.
awk '
	function size_of(type) {
		sub(/[ \t]*\(out\)$/, "", type)
		if (type ~ /^array\[int8, [0-9]+\]$/) {
			gsub(/[^0-9 ]/, "", type)
			sub(/^8 */, "", type)
			return type + 0
		}
		if (type ~ /^(array|string)\[/ || type == "PAYLOAD")
			return -1
		if (type in sizes)
			return sizes[type]
		if (type ~ /^fd$/ || type ~ /int32/)
			return 4
		if (type ~ /int64|^ptr64\[|^kdbus_id$|^kdbus_offset$/)
			return 8
		print "cannot tell the size of " type >"/dev/stderr"
		return 0
	}
	BEGIN {
		print "#include <stddef.h>"
		print "#include <linux/kdbus.h>"
	}
	/^(type )?kdbus_[a-z0-9_]+(\[[A-Z, ]*\])? *\{/ {
		name = $0
		sub(/^type /, "", name)
		sub(/[^a-z0-9_].*/, "", name)
		at = 0
		open = 1
		structs++
		next
	}
	/^\}/ && open {
		open = 0
		sizes[name] = at
		printf "_Static_assert(sizeof(struct %s) %s %d, \"size of %s\");\n",
		       name, flexible ? ">=" : "==", at, name
		flexible = 0
		next
	}
	open && NF {
		member = $1
		type = $0
		sub(/^[ \t]*[a-z0-9_]+[ \t]+/, "", type)
		printf "_Static_assert(offsetof(struct %s, %s) == %d, " \
		       "\"%s.%s\");\n", name, member, at, name, member
		size = size_of(type)
		if (size < 0)
			flexible = 1
		else
			at += size
	}
	END { if (structs < 10) print "#error too few structures" }
' "$dir/text" >"$dir/check.c"
${CC:-gcc} -std=gnu11 -I../../../include/uapi -c -o "$dir/check.o" \
	"$dir/check.c" 2>"$dir/errors" || {
	sed -n 's/.*error: \(.*\)/\1/p' "$dir/errors"
	complain "the structures are not those of the header"
}

[ $status = 0 ] && echo "$text: ok"
exit $status
