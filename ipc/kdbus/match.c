// SPDX-License-Identifier: GPL-2.0
#include "match.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "limits.h"

static struct kdbus_match_entry *
kdbus_match_entry_new(struct kdbus_match_db *db, u64 cookie, const void *items,
		      size_t items_size, size_t rules_size)
{
	struct kdbus_match_entry *entry;
	struct kdbus_match_mask mask;
	size_t nodes_size;

	kdbus_match_mask_find(&mask, items, items_size, db->index->bloom_size);
	nodes_size = kdbus_match_mask_max_nodes(&mask) *
		     sizeof(struct kdbus_match_node);

	entry = kvmalloc(sizeof(*entry) + rules_size + nodes_size,
			 GFP_KERNEL_ACCOUNT);
	if (!entry)
		return NULL;

	entry->db = db;
	entry->cookie = cookie;
	entry->place = (struct kdbus_match_place){
		.nodes = (void *)entry->rules + rules_size,
	};
	entry->mask_decides = kdbus_match_mask_decides(&mask, rules_size);
	entry->rules_size = rules_size;
	kdbus_match_rules_copy(entry->rules, items, items_size);

	return entry;
}

/* entries with @cookie, and how many bytes of rules they have */
static unsigned int kdbus_match_db_count(struct kdbus_match_db *db, u64 cookie,
					 size_t *bytes)
{
	struct kdbus_match_entry *entry;
	unsigned int n = 0;

	*bytes = 0;
	list_for_each_entry(entry, &db->entries, node) {
		if (entry->cookie == cookie) {
			*bytes += entry->rules_size;
			n++;
		}
	}

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
		kdbus_match_index_remove(db->index, &entry->place);
		db->bytes -= entry->rules_size;
		kvfree_rcu(entry, rcu);
		n++;
	}

	db->count -= n;
	return n;
}

/**
 * kdbus_match_db_init() - set up an empty database
 * @db:		database
 * @index:	index of the bus, which outlives @db
 *
 * Context: any.
 */
void kdbus_match_db_init(struct kdbus_match_db *db,
			 struct kdbus_match_index *index)
{
	mutex_init(&db->lock);
	INIT_LIST_HEAD(&db->entries);
	db->count = 0;
	db->bytes = 0;
	db->index = index;
}

/**
 * kdbus_match_db_deinit() - end a database
 * @db:		database that is empty, and that nobody can find any more
 *
 * Readers that found it before may still be at work: the memory of @db has to
 * stay until those have left their RCU sections.
 *
 * Context: any; must not run beside a writer.
 */
void kdbus_match_db_deinit(struct kdbus_match_db *db)
{
	WARN_ON(!list_empty(&db->entries));
	mutex_destroy(&db->lock);
}

/**
 * kdbus_match_db_clear() - remove all entries
 * @db:		database that nothing is added to any more
 *
 * Readers may still be at work with the entries, until they have left their RCU
 * sections.
 *
 * Context: may sleep; takes @db->lock and the index' lock.
 */
void kdbus_match_db_clear(struct kdbus_match_db *db)
{
	struct kdbus_match_entry *entry, *next;

	mutex_lock(&db->lock);
	if (db->count) {
		mutex_lock(&db->index->lock);
		list_for_each_entry_safe(entry, next, &db->entries, node) {
			list_del_rcu(&entry->node);
			kdbus_match_index_remove(db->index, &entry->place);
			kvfree_rcu(entry, rcu);
		}
		mutex_unlock(&db->index->lock);
		db->count = 0;
		db->bytes = 0;
	}
	mutex_unlock(&db->lock);
}

/* link a new entry, in the place of all with its cookie if @replace is set */
static int kdbus_match_db_link(struct kdbus_match_db *db,
			       struct kdbus_match_entry *entry,
			       struct kdbus_match_claim *claim, bool replace)
{
	struct kdbus_match_index *index = db->index;
	size_t dropped_bytes = 0;
	unsigned int dropped = 0;
	int r;

	lockdep_assert_held(&db->lock);

	if (replace)
		dropped = kdbus_match_db_count(db, entry->cookie,
					       &dropped_bytes);
	if (db->count - dropped >= KDBUS_CONN_MAX_MATCHES ||
	    db->bytes - dropped_bytes + entry->rules_size >
	    KDBUS_CONN_MAX_MATCH_BYTES)
		return -EMFILE;

	mutex_lock(&index->lock);
	r = kdbus_match_index_add(index, claim, &entry->place, entry);
	if (r < 0)
		goto exit;

	list_add_tail_rcu(&entry->node, &db->entries);
	db->count++;
	db->bytes += entry->rules_size;
	if (dropped > 0) {
		/*
		 * Who does not find an old entry any more has to find the new
		 * one at the end of the list. What orders that for readers of
		 * the index orders it for list_for_each_entry_rcu(), too, which
		 * has dependent loads.
		 */
		kdbus_match_index_replace(index);
		kdbus_match_db_drop(db, entry->cookie, entry);
	}

exit:
	mutex_unlock(&index->lock);
	return r;
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
 * Context: may sleep; takes @db->lock and the index' lock. @items is not kept.
 * Return: 0; -EDOM or -EINVAL from kdbus_match_rules_check(); -EMFILE if there
 *         were more than KDBUS_CONN_MAX_MATCHES entries, or more than
 *         KDBUS_CONN_MAX_MATCH_BYTES bytes of rules; -ENOMEM.
 */
int kdbus_match_db_add(struct kdbus_match_db *db, u64 cookie, bool replace,
		       const void *items, size_t items_size)
{
	struct kdbus_match_entry *entry;
	struct kdbus_match_claim claim;
	size_t rules_size;
	int r;

	r = kdbus_match_rules_check(items, items_size, db->index->bloom_size,
				    &rules_size);
	if (r < 0)
		return r;

	entry = kdbus_match_entry_new(db, cookie, items, items_size,
				      rules_size);
	if (!entry)
		return -ENOMEM;

	do {
		r = kdbus_match_claim_init(&claim, db->index, entry->rules,
					   rules_size);
		if (r >= 0) {
			mutex_lock(&db->lock);
			r = kdbus_match_db_link(db, entry, &claim, replace);
			mutex_unlock(&db->lock);
		}
		kdbus_match_claim_deinit(&claim);
	} while (r == -EAGAIN);
	if (r < 0)
		kvfree(entry);

	return r;
}

/**
 * kdbus_match_db_remove() - remove all entries with a cookie
 * @db:			database
 * @cookie:		cookie
 *
 * Context: may sleep; takes @db->lock and the index' lock.
 * Return: 0; -EBADSLT if there is none.
 */
int kdbus_match_db_remove(struct kdbus_match_db *db, u64 cookie)
{
	unsigned int dropped;

	mutex_lock(&db->lock);
	mutex_lock(&db->index->lock);
	dropped = kdbus_match_db_drop(db, cookie, NULL);
	mutex_unlock(&db->index->lock);
	mutex_unlock(&db->lock);

	return dropped > 0 ? 0 : -EBADSLT;
}

/**
 * kdbus_match_db_first() - find the first entry that a signal fits
 * @db:			database
 * @facts:		signal
 *
 * Context: inside rcu_read_lock(), any that @facts->owns_name may be called in.
 * Return: the entry, valid until rcu_read_unlock(); NULL if the signal is not
 *         wanted.
 */
const struct kdbus_match_entry *
kdbus_match_db_first(const struct kdbus_match_db *db,
		     const struct kdbus_match_facts *facts)
{
	const struct kdbus_match_entry *entry;

	list_for_each_entry_rcu(entry, &db->entries, node)
		if (kdbus_match_rules_test(entry->rules, entry->rules_size,
					   db->index->bloom_size, facts))
			return entry;

	return NULL;
}

/**
 * kdbus_match_entry_test() - see if a signal fits an entry of the index
 * @entry:		entry that a reader of the index is shown
 * @facts:		signal
 *
 * Context: inside rcu_read_lock(), any that @facts->owns_name may be called in.
 * Return: true if it does, and if the entry has not been removed.
 */
bool kdbus_match_entry_test(const struct kdbus_match_entry *entry,
			    const struct kdbus_match_facts *facts)
{
	return kdbus_match_place_is_live(&entry->place) &&
	       (entry->mask_decides ||
		kdbus_match_rules_test(entry->rules, entry->rules_size,
				       entry->db->index->bloom_size, facts));
}
