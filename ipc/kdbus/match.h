/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_H
#define KDBUS_MATCH_H

/**
 * DOC: Matches
 *
 * What signals a connection wants. A database is a list of entries; an entry
 * is a cookie and a list of rules. A signal passes if any entry fits, an entry
 * fits if all of its rules do; an entry without rules fits every signal.
 * Writers hold the database's mutex, readers only RCU: a broadcast looks at
 * many databases and must not wait for one of them.
 */

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "match-rule.h"

/**
 * struct kdbus_match_db - the matches of one connection
 * @lock:	serialises writers; may sleep; nothing nests in it
 * @entries:	entries in order of addition, read under RCU
 * @count:	number of entries, guarded by @lock
 * @bloom_size:	bytes of a bloom mask on this bus, constant
 */
struct kdbus_match_db {
	struct mutex lock;
	struct list_head entries;
	unsigned int count;
	size_t bloom_size;
};

void kdbus_match_db_init(struct kdbus_match_db *db, size_t bloom_size);
void kdbus_match_db_deinit(struct kdbus_match_db *db);
int kdbus_match_db_add(struct kdbus_match_db *db, u64 cookie, bool replace,
		       const void *items, size_t items_size);
int kdbus_match_db_remove(struct kdbus_match_db *db, u64 cookie);
bool kdbus_match_db_test(const struct kdbus_match_db *db,
			 const struct kdbus_match_facts *facts);

#endif
