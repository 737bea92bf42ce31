/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_KEY_H
#define KDBUS_MATCH_KEY_H

/**
 * DOC: Match keys
 *
 * What the index of subscribers looks up. Each entry is filed under one key,
 * the most selective that its rules allow; each signal is looked up under all
 * keys that an entry which fits it may have. So the entries found are more than
 * those that fit, but never fewer. Everything here is a pure function of its
 * arguments.
 */

#include <linux/types.h>

#include "match-rule.h"

/* what a key is about */
enum kdbus_match_by {
	KDBUS_MATCH_BY_NONE,	/* every signal of that type */
	KDBUS_MATCH_BY_ID,	/* sender; connection that came or went */
	KDBUS_MATCH_BY_NAME,	/* name of the sender; name that changed hands */
	KDBUS_MATCH_BY_OLD_ID,	/* who had the name */
	KDBUS_MATCH_BY_NEW_ID,	/* who has the name */
};

/* type of a key for messages and all types of notifications */
#define KDBUS_MATCH_EVERYTHING	(~0ULL)

/* number of types */
#define KDBUS_MATCH_N_TYPES	7

/* keys that a signal is looked up under, beside the names of its sender */
#define KDBUS_MATCH_MAX_KEYS	5

/**
 * struct kdbus_match_key - a key
 * @type:	0 for messages, type of a notification, or KDBUS_MATCH_EVERYTHING
 * @by:		KDBUS_MATCH_BY_*
 * @value:	id, or hash of a name; 0 if @by is KDBUS_MATCH_BY_NONE
 *
 * Has no padding, so that it can be compared and hashed as memory.
 */
struct kdbus_match_key {
	u64 type;
	u64 by;
	u64 value;
};

bool kdbus_match_key_of_rules(struct kdbus_match_key *key, const void *rules,
			      size_t rules_size, u32 seed);
size_t kdbus_match_keys_of_facts(struct kdbus_match_key *keys,
				 const struct kdbus_match_facts *facts,
				 u32 seed);
void kdbus_match_key_of_name(struct kdbus_match_key *key, const char *name,
			     u32 seed);

/* number of the type of a key, less than KDBUS_MATCH_N_TYPES */
static inline unsigned int kdbus_match_type_number(u64 type)
{
	if (type == 0)
		return 0;
	if (type == KDBUS_MATCH_EVERYTHING)
		return 1;
	return 2 + (type - KDBUS_ITEM_NAME_ADD);
}

#endif
