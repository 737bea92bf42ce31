// SPDX-License-Identifier: GPL-2.0
#include "grammar.h"

/*
 * Not isalpha() and friends: those of the kernel take Latin-1 letters for
 * letters, and names have to mean the same to everybody.
 */
static bool kdbus_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* letters, digits and '_', which are allowed anywhere in every grammar */
static bool kdbus_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       kdbus_is_digit(c) || c == '_';
}

/**
 * kdbus_sysname_is_valid() - test the name of a bus, endpoint or connection
 * @name:	NUL terminated string
 *
 * 1 to KDBUS_SYSNAME_MAX_LEN letters, digits and '_'; and '-' and '.', but
 * these two neither first nor last. So it is a file name, and never "." or
 * "..".
 *
 * Context: any. Reads no byte behind the NUL.
 * Return: whether @name is such a name.
 */
bool kdbus_sysname_is_valid(const char *name)
{
	size_t i;

	if (!kdbus_is_word(name[0]))
		return false;

	for (i = 1; name[i]; i++) {
		if (i == KDBUS_SYSNAME_MAX_LEN)
			return false;
		if (!kdbus_is_word(name[i]) && name[i] != '-' && name[i] != '.')
			return false;
	}

	return kdbus_is_word(name[i - 1]);
}

/**
 * kdbus_name_is_valid() - test a well-known name
 * @name:		NUL terminated string
 * @allow_wildcard:	the last element may be "*"
 *
 * At most KDBUS_NAME_MAX_LEN bytes: two or more elements with single dots
 * between them. An element has letters, digits, '_' and '-', at least one of
 * them, and does not start with a digit. The element "*" stands for itself
 * only and needs another one in front of it.
 *
 * Context: any. Reads no byte behind the NUL.
 * Return: whether @name is such a name.
 */
bool kdbus_name_is_valid(const char *name, bool allow_wildcard)
{
	bool has_dot = false, at_start = true;
	size_t i;

	for (i = 0; name[i]; i++) {
		char c = name[i];

		if (i == KDBUS_NAME_MAX_LEN)
			return false;

		if (c == '*')
			return allow_wildcard && has_dot && at_start &&
			       !name[i + 1];

		if (c == '.') {
			if (at_start)
				return false;
			has_dot = true;
			at_start = true;
			continue;
		}

		if (!kdbus_is_word(c) && c != '-')
			return false;
		if (at_start && kdbus_is_digit(c))
			return false;
		at_start = false;
	}

	return has_dot && !at_start;
}
