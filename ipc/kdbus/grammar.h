/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_GRAMMAR_H
#define KDBUS_GRAMMAR_H

/**
 * DOC: Name grammars
 *
 * System names (buses, endpoints, connection descriptions) and well-known
 * names. Only ASCII counts as a letter. Pure functions: no lock, no kernel
 * object, callable from any context.
 */

#include <linux/types.h>

/* longest system name and longest well-known name, without the NUL */
#define KDBUS_SYSNAME_MAX_LEN	63
#define KDBUS_NAME_MAX_LEN	255

bool kdbus_sysname_is_valid(const char *name);
bool kdbus_name_is_valid(const char *name, bool allow_wildcard);

#endif
