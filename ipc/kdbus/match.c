// SPDX-License-Identifier: GPL-2.0
#include "match.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "limits.h"

/**
 * struct kdbus_match_entry - what one MATCH_ADD added
 * @node:	in &kdbus_match_db.entries
 * @rcu:	delays freeing for readers
 * @cookie:	given by user space; several entries may share one
 * @rules_size:	bytes at @rules
 * @rules:	rules as kdbus_match_rules_copy() makes them
 *
 * Only @node changes once the entry is in a database.
 */
struct kdbus_match_entry {
	struct list_head node;
	struct rcu_head rcu;
	u64 cookie;
	size_t rules_size;
	u64 rules[];
};

static struct kdbus_match_entry *
kdbus_match_entry_new(u64 cookie, const void *items, size_t items_size,
		      size_t rules_size)
{
	struct kdbus_match_entry *entry;

	entry = kvmalloc(sizeof(*entry) + rules_size, GFP_KERNEL_ACCOUNT);
	if (!entry)
		return NULL;

	entry->cookie = cookie;
	entry->rules_size = rules_size;
	kdbus_match_rules_copy(entry->rules, items, items_size);

	return entry;
}

static unsigned int kdbus_match_db_count(struct kdbus_match_db *db, u64 cookie)
{
	struct kdbus_match_entry *entry;
	unsigned int n = 0;

	list_for_each_entry(entry, &db->entries, node)
		if (entry->cookie == cookie)
			n++;

	return n;
}

/* drop all entries with @cookie in front of @end; NULL is behind the last */
static unsigned int kdbus_match_db_drop(struct kdbus_match_db *db, u64 cookie,
					const struct kdbus_match_entry *end)
{
	struct kdbus_match_entry *entry, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(entry, next, &db->entries, node) {
		if (entry == end)
			break;
		if (entry->cookie != cookie)
			continue;

		list_del_rcu(&entry->node);
		kvfree_rcu(entry, rcu);
		n++;
	}

	db->count -= n;
	return n;
}

/**
 * kdbus_match_db_init() - set up an empty database
 * @db:			database
 * @bloom_size:		bytes of a bloom mask on this bus, a multiple of 8 but
 *			not 0
 *
 * Context: any.
 */
void kdbus_match_db_init(struct kdbus_match_db *db, size_t bloom_size)
{
	mutex_init(&db->lock);
	INIT_LIST_HEAD(&db->entries);
	db->count = 0;
	db->bloom_size = bloom_size;
}

/**
 * kdbus_match_db_deinit() - free all entries
 * @db:			database that nobody can find any more
 *
 * Readers that found it before may still be at work: the entries stay as they
 * are until those have left their RCU sections. The memory of @db has to stay
 * as long.
 *
 * Context: any; must not run beside a writer.
 */
void kdbus_match_db_deinit(struct kdbus_match_db *db)
{
	struct kdbus_match_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &db->entries, node)
		kvfree_rcu(entry, rcu);
	mutex_destroy(&db->lock);
}

/**
 * kdbus_match_db_add() - add an entry
 * @db:			database
 * @cookie:		cookie of the entry
 * @replace:		drop all entries with @cookie that are there already
 * @items:		items that kdbus_items_parse() accepted for MATCH_ADD
 * @items_size:		bytes at @items
 *
 * Either all of it happens or nothing. A signal that fits both the dropped and
 * the new entry passes at every moment of a replacement.
 *
 * Context: may sleep; takes @db->lock. @items is not kept.
 * Return: 0; -EDOM or -EINVAL from kdbus_match_rules_check(); -EMFILE if there
 *         were more than KDBUS_CONN_MAX_MATCHES entries; -ENOMEM.
 */
int kdbus_match_db_add(struct kdbus_match_db *db, u64 cookie, bool replace,
		       const void *items, size_t items_size)
{
	struct kdbus_match_entry *entry;
	unsigned int dropped = 0;
	size_t rules_size;
	int r;

	r = kdbus_match_rules_check(items, items_size, db->bloom_size,
				    &rules_size);
	if (r < 0)
		return r;

	entry = kdbus_match_entry_new(cookie, items, items_size, rules_size);
	if (!entry)
		return -ENOMEM;

	mutex_lock(&db->lock);
	if (replace)
		dropped = kdbus_match_db_count(db, cookie);
	if (db->count - dropped >= KDBUS_CONN_MAX_MATCHES) {
		mutex_unlock(&db->lock);
		kvfree(entry);
		return -EMFILE;
	}

	list_add_tail_rcu(&entry->node, &db->entries);
	db->count++;
	if (dropped > 0) {
		/*
		 * Who does not find an old entry any more has to find the new
		 * one at the end of the list. Pairs with the dependent loads of
		 * list_for_each_entry_rcu().
		 */
		smp_wmb();
		kdbus_match_db_drop(db, cookie, entry);
	}
	mutex_unlock(&db->lock);

	return 0;
}

/**
 * kdbus_match_db_remove() - remove all entries with a cookie
 * @db:			database
 * @cookie:		cookie
 *
 * Context: may sleep; takes @db->lock.
 * Return: 0; -EBADSLT if there is none.
 */
int kdbus_match_db_remove(struct kdbus_match_db *db, u64 cookie)
{
	unsigned int dropped;

	mutex_lock(&db->lock);
	dropped = kdbus_match_db_drop(db, cookie, NULL);
	mutex_unlock(&db->lock);

	return dropped > 0 ? 0 : -EBADSLT;
}

/**
 * kdbus_match_db_test() - see if a signal is wanted
 * @db:			database
 * @facts:		signal
 *
 * Context: inside rcu_read_lock(), any that @facts->owns_name may be called in.
 * Return: true if any entry fits.
 */
bool kdbus_match_db_test(const struct kdbus_match_db *db,
			 const struct kdbus_match_facts *facts)
{
	const struct kdbus_match_entry *entry;

	list_for_each_entry_rcu(entry, &db->entries, node)
		if (kdbus_match_rules_test(entry->rules, entry->rules_size,
					   db->bloom_size, facts))
			return true;

	return false;
}
