/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_H
#define KDBUS_MATCH_H

/**
 * DOC: Matches
 *
 * What signals a connection wants. A database is a list of entries; an entry
 * is a cookie and a list of rules. A signal passes if any entry fits, an entry
 * fits if all of its rules do; an entry without rules fits every signal.
 * Writers hold the database's mutex, readers only RCU: senders look at the
 * databases of others and must not wait for one of them.
 *
 * Broadcasts and notifications do not look at databases, but find entries by
 * the index of the bus (match-index.h), in which each entry is, too.
 */

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "match-index.h"
#include "match-rule.h"

/**
 * struct kdbus_match_db - the matches of one connection
 * @lock:	serialises writers; may sleep; the index' lock nests in it
 * @entries:	entries in order of addition, read under RCU
 * @count:	number of entries, guarded by @lock
 * @bytes:	bytes of their rules, guarded by @lock
 * @index:	index of the bus, constant
 */
struct kdbus_match_db {
	struct mutex lock;
	struct list_head entries;
	unsigned int count;
	size_t bytes;
	struct kdbus_match_index *index;
};

/**
 * struct kdbus_match_entry - what one MATCH_ADD added
 * @node:	in &kdbus_match_db.entries
 * @rcu:	delays freeing for readers
 * @db:		database it is in; the index of the bus knows only the entry
 * @cookie:	given by user space; several entries may share one
 * @place:	place in the index, under the index' lock; its nodes are behind
 *		@rules
 * @mask_decides: it fits whatever the index finds it for
 * @rules_size:	bytes at @rules
 * @rules:	rules as kdbus_match_rules_copy() makes them
 *
 * Only @node and @place change once the entry is in a database.
 */
struct kdbus_match_entry {
	struct list_head node;
	struct rcu_head rcu;
	struct kdbus_match_db *db;
	u64 cookie;
	struct kdbus_match_place place;
	bool mask_decides;
	size_t rules_size;
	u64 rules[];
};

void kdbus_match_db_init(struct kdbus_match_db *db,
			 struct kdbus_match_index *index);
void kdbus_match_db_deinit(struct kdbus_match_db *db);
void kdbus_match_db_clear(struct kdbus_match_db *db);
int kdbus_match_db_add(struct kdbus_match_db *db, u64 cookie, bool replace,
		       const void *items, size_t items_size);
int kdbus_match_db_remove(struct kdbus_match_db *db, u64 cookie);
const struct kdbus_match_entry *
kdbus_match_db_first(const struct kdbus_match_db *db,
		     const struct kdbus_match_facts *facts);
bool kdbus_match_entry_test(const struct kdbus_match_entry *entry,
			    const struct kdbus_match_facts *facts);

/* see if a signal is wanted; under RCU */
static inline bool kdbus_match_db_test(const struct kdbus_match_db *db,
				       const struct kdbus_match_facts *facts)
{
	return kdbus_match_db_first(db, facts);
}

#endif
