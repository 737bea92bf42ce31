// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "unit.h"

static const struct {
	const char *from;
	const char *to;
	const char *expected;
} rows[] = {
	{ "/", "/", "/" },
	{ "/", "/a", "/a" },
	{ "/", "/a/b", "/a/b" },
	{ "/a", "/", "/.." },
	{ "/a/b", "/", "/../.." },
	{ "/a", "/a", "/" },
	{ "/a/b/c", "/a/b/c", "/" },
	{ "/a", "/a/b/c", "/b/c" },
	{ "/a/b/c", "/a", "/../.." },
	{ "/a", "/b", "/../b" },
	{ "/a/b", "/a/c", "/../c" },
	{ "/a/b/c/d", "/a/b/e", "/../../e" },
	{ "/a/b", "/c/d", "/../../c/d" },
	/* components, not characters */
	{ "/ab", "/a", "/../a" },
	{ "/a", "/ab", "/../ab" },
	{ "/a/bc", "/a/b", "/../b" },
	{ "/a/b", "/a/bc/d", "/../bc/d" },
	{ "/aa/b", "/a/b", "/../../a/b" },
	{ "/..", "/", "/.." },
};

static void test_rows(void)
{
	size_t i, size, len;
	char *from, *to, *buf;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		from = unit_copy(rows[i].from, strlen(rows[i].from) + 1);
		to = unit_copy(rows[i].to, strlen(rows[i].to) + 1);
		len = strlen(rows[i].expected);
		/* exactly the memory it is told of */
		for (size = 1; size < len + 3; size++) {
			buf = malloc(size);
			r = kdbus_path_relative(from, to, buf, size);
			if (size <= len) {
				CHECK(r == -ENAMETOOLONG, "row %zu: %d", i, r);
			} else {
				CHECK(r == (int)len, "row %zu: %d", i, r);
				CHECK(strcmp(buf, rows[i].expected) == 0,
				      "row %zu: %s", i, buf);
			}
			free(buf);
		}
		free(from);
		free(to);
	}
}

static const struct unit_test tests[] = {
	{ "paths as seen from directories", test_rows },
};

UNIT_MAIN(tests)
