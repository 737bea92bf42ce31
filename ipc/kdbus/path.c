// SPDX-License-Identifier: GPL-2.0
#include "path.h"

#include <linux/errno.h>
#include <linux/string.h>

/* bytes of the path that both begin with, up to the end of a component */
static size_t kdbus_path_common(const char *a, const char *b)
{
	size_t i, common = 0;

	for (i = 0; ; i++) {
		bool a_ends = a[i] == '/' || !a[i];
		bool b_ends = b[i] == '/' || !b[i];

		if (a_ends && b_ends)
			common = i;
		if (!a[i] || a[i] != b[i])
			return common;
	}
}

/**
 * kdbus_path_relative() - write a path as it is seen from a directory
 * @from:	the directory, an absolute path
 * @to:		absolute path
 * @buf:	where to write
 * @size:	bytes at @buf
 *
 * The result begins with "/", as that of kernfs does: "/" for @from itself,
 * "/a" for what is below, "/../a" for what is beside it. Both paths have no
 * final "/" unless they are just that, and no empty component.
 *
 * Context: any.
 * Return: length of the result; -ENAMETOOLONG if it does not fit.
 */
int kdbus_path_relative(const char *from, const char *to, char *buf,
			size_t size)
{
	size_t common, len, n = 0;

	/* a root has no component */
	from += !from[1];
	to += !to[1];

	common = kdbus_path_common(from, to);
	for (from += common; *from; from++) {
		if (*from != '/')
			continue;
		if (n + 3 >= size)
			return -ENAMETOOLONG;
		memcpy(buf + n, "/..", 3);
		n += 3;
	}

	to += common;
	if (!n && !*to)
		to = "/";
	len = strlen(to);
	if (n + len >= size)
		return -ENAMETOOLONG;
	memcpy(buf + n, to, len + 1);
	return n + len;
}
