// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"
#include "unit.h"

#define ELEMENT		"[A-Za-z_-][A-Za-z0-9_-]*"

static regex_t sysname_regex, name_regex, wildcard_regex;

static void compile_regex(regex_t *regex, const char *pattern)
{
	CHECK(regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB) == 0);
}

static void compile_all(void)
{
	compile_regex(&sysname_regex,
		      "^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$");
	compile_regex(&name_regex, "^" ELEMENT "([.]" ELEMENT ")+$");
	compile_regex(&wildcard_regex, "^" ELEMENT "([.]" ELEMENT ")*[.][*]$");
}

static void free_all(void)
{
	regfree(&sysname_regex);
	regfree(&name_regex);
	regfree(&wildcard_regex);
}

static bool matches(const regex_t *regex, const char *name)
{
	return regexec(regex, name, 0, NULL, 0) == 0;
}

/* compare all verdicts on a name with those of the regular expressions */
static void compare(const char *name)
{
	size_t size = strlen(name) + 1;
	char *copy = unit_copy(name, size);
	bool sysname = size <= 64 && matches(&sysname_regex, name);
	bool plain = size <= 256 && matches(&name_regex, name);
	bool wildcard = size <= 256 && matches(&wildcard_regex, name);

	CHECK(kdbus_sysname_is_valid(copy) == sysname, "\"%s\"", name);
	CHECK(kdbus_name_is_valid(copy, false) == plain, "\"%s\"", name);
	CHECK(kdbus_name_is_valid(copy, true) == (plain || wildcard), "\"%s\"",
	      name);
	free(copy);
}

static bool check_sysname(const char *name)
{
	char *copy = unit_copy(name, strlen(name) + 1);
	bool valid = kdbus_sysname_is_valid(copy);

	free(copy);
	return valid;
}

static bool check_name(const char *name, bool allow_wildcard)
{
	char *copy = unit_copy(name, strlen(name) + 1);
	bool valid = kdbus_name_is_valid(copy, allow_wildcard);

	free(copy);
	return valid;
}

static void test_sysname_examples(void)
{
	static const char *const good[] = {
		"a", "Z", "0", "9", "_", "1000-bus", "0-system", "a.b", "a..b",
		"a--b", "a-.b", "_a_", "0.0", "user.slice", "A1_-.z",
	};
	static const char *const bad[] = {
		"", "-", ".", "..", "-a", "a-", ".a", "a.", "a-.", "a b", "a/b",
		"a*", "*", "a:b", "a@b", "\xc3\xa4", "\xc4", "a\xe4z", "a\n",
		" a", "a ", "a\x01", "a\x7f", "a`", "a{", "a[", "/",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(check_sysname(good[i]), "\"%s\"", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!check_sysname(bad[i]), "\"%s\"", bad[i]);
}

static void test_sysname_length(void)
{
	char name[201];
	size_t n;

	for (n = 0; n < sizeof(name); n++) {
		memset(name, 'x', n);
		name[n] = 0;
		CHECK(check_sysname(name) == (n >= 1 && n <= 63), "%zu", n);

		/* the last byte that counts is looked at as such */
		if (n > 0)
			name[n - 1] = '-';
		CHECK(!check_sysname(name), "%zu", n);
		if (n > 0)
			name[n - 1] = '*';
		CHECK(!check_sysname(name), "%zu", n);
	}
}

static void test_name_examples(void)
{
	static const char *const good[] = {
		"a.b", "org.freedesktop.systemd1", "com.example", "_a._b",
		"-a.-b", "-.-", "_._", "a1.b2", "a-b.c-d", "A.B.C.D.E.F.G",
		"a.b-", "a._1",
	};
	static const char *const bad[] = {
		"", "a", "abc", ".", "..", "a.", ".a", ".a.b", "a.b.", "a..b",
		"1a.b", "a.1b", "a.b.0", "0.0", ":1.5", "a.b c", "a/b.c",
		"a.b@c", "a.\xc3\xa4", "\xe4.b", "a.b\xc4", "a.b\n", " a.b",
		"a.b:c",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK(check_name(good[i], false), "\"%s\"", good[i]);
		CHECK(check_name(good[i], true), "\"%s\"", good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!check_name(bad[i], false), "\"%s\"", bad[i]);
		CHECK(!check_name(bad[i], true), "\"%s\"", bad[i]);
	}
}

static void test_wildcard_examples(void)
{
	static const char *const good[] = {
		"a.*", "a.b.*", "org.freedesktop.*", "_.*", "-a.*",
	};
	static const char *const bad[] = {
		"*", ".*", "*.a", "*.*", "a*", "a.b*", "a.*b", "a.**", "a.*.b",
		"a.*.*", "a..*", "1.*", "a.1.*", "a.*.", "*a.b", "a.*\n",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK(check_name(good[i], true), "\"%s\"", good[i]);
		CHECK(!check_name(good[i], false), "\"%s\"", good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!check_name(bad[i], true), "\"%s\"", bad[i]);
		CHECK(!check_name(bad[i], false), "\"%s\"", bad[i]);
	}
}

static void test_name_length(void)
{
	char name[600];
	size_t n;

	for (n = 3; n < sizeof(name); n++) {
		memset(name, 'x', n);
		name[n] = 0;

		name[1] = '.';
		CHECK(check_name(name, false) == (n <= 255), "%zu", n);

		/* elements do not have a limit of their own */
		name[1] = 'x';
		name[n - 2] = '.';
		CHECK(check_name(name, false) == (n <= 255), "%zu", n);

		name[n - 1] = '*';
		CHECK(check_name(name, true) == (n <= 255), "%zu", n);
		CHECK(!check_name(name, false), "%zu", n);

		/* the last byte that counts is looked at as such */
		name[1] = '.';
		name[n - 2] = 'x';
		name[n - 1] = '.';
		CHECK(!check_name(name, true), "%zu", n);
	}
}

/* every byte at the start, in the middle and at the end of an element */
static void test_every_byte(void)
{
	static const char *const frames[] = {
		"?", "?a", "a?", "a?a", "?.b", "?a.b", "a?.b", "a?a.b",
		"a.?", "a.?b", "a.b?", "a.b?b", "a.?.c", "??", "a.??",
	};
	char name[16];
	size_t i, k;
	int c;

	compile_all();
	for (i = 0; i < sizeof(frames) / sizeof(*frames); i++)
		for (c = 1; c < 256; c++) {
			strcpy(name, frames[i]);
			for (k = 0; name[k]; k++)
				if (name[k] == '?')
					name[k] = c;
			compare(name);
		}
	free_all();
}

/* only ASCII letters are letters, whatever the C library says */
static void test_ascii_only(void)
{
	char name[] = "a?.b", sysname[] = "a?b";
	int c, n = 0;

	for (c = 1; c < 256; c++) {
		name[1] = c;
		sysname[1] = c;
		n += check_name(name, false);
		if (c >= 128)
			CHECK(!check_name(name, true) &&
			      !check_sysname(sysname), "%d", c);
	}

	/* letters, digits, '_', '-', and '.' does not fit there */
	CHECK_EQ(n, 26 + 26 + 10 + 2);
}

/* all names of up to six of the bytes that make a difference */
static void test_enumeration(void)
{
	static const char alphabet[] = "aZ0_-.*\xe4";
	const size_t n = sizeof(alphabet) - 1;
	unsigned int i, code, count = 1;
	char name[7];
	size_t length;

	compile_all();
	for (length = 0; length <= 6; length++, count *= n)
		for (code = 0; code < count; code++) {
			unsigned int rest = code;

			for (i = 0; i < length; i++, rest /= n)
				name[i] = alphabet[rest % n];
			name[length] = 0;
			compare(name);
		}
	free_all();
}

/* long names, mostly valid, with lengths around both limits */
static void test_random(void)
{
	static const char bytes[] = "abcXYZ__--..0123";
	char name[300];
	size_t i, k, length;

	compile_all();
	for (i = 0; i < 50000; i++) {
		size_t limit = unit_random_below(2) ? 63 : 255;

		length = limit - 3 + unit_random_below(6);
		for (k = 0; k < length; k++)
			do {
				name[k] = bytes[unit_random_below(16)];
			} while ((k == 0 || name[k - 1] == '.') &&
				 unit_random_below(16) &&
				 !isalpha((unsigned char)name[k]));
		name[length] = 0;
		if (unit_random_below(4) == 0)
			strcpy(name + length - 2, ".*");
		if (unit_random_below(8) == 0)
			name[unit_random_below(length)] = unit_random() | 1;
		compare(name);
	}
	free_all();
}

static const struct unit_test tests[] = {
	{ "system names: examples", test_sysname_examples },
	{ "system names: 1 to 63 bytes", test_sysname_length },
	{ "well-known names: examples", test_name_examples },
	{ "well-known names: wildcards", test_wildcard_examples },
	{ "well-known names: up to 255 bytes", test_name_length },
	{ "every byte at every place", test_every_byte },
	{ "letters are ASCII letters", test_ascii_only },
	{ "all short names against regular expressions", test_enumeration },
	{ "random long names against regular expressions", test_random },
};

UNIT_MAIN(tests)
