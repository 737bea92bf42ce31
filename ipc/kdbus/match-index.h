/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_INDEX_H
#define KDBUS_MATCH_INDEX_H

/**
 * DOC: Index of subscribers
 *
 * All entries of all connections of a bus, filed by what they ask for, so that
 * who sends a broadcast or a notification looks at those that may fit, however
 * many others there are. Entries with one key are a group (match-group.h), and
 * a hash table has the groups by key (match-key.h).
 *
 * The index only filters: whether an entry fits is up to its rules.
 *
 * Readers are under RCU. One that finds nothing wrong has seen each entry that
 * was there all the time. Where an entry takes the place of another, a reader
 * could miss both; @replaced tells it, and it starts again, with @lock held if
 * that happens too often or if it took too long.
 */

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "match-group.h"
#include "match-key.h"

/**
 * struct kdbus_match_index - index of the entries of a bus
 * @lock:	serialises writers; may sleep. Readers hold it only if they were
 *		disturbed
 * @groups:	&struct kdbus_match_set by key, read under RCU
 * @common:	those with KDBUS_MATCH_BY_NONE, by type, which are not in @groups;
 *		NULL where there is none
 * @n_by_name:	entries filed by the name of the sender, under @lock
 * @replaced:	number of entries that took the place of others
 * @seed:	of hashes of names, random
 * @bloom_size:	bytes of a bloom mask on this bus, constant
 */
struct kdbus_match_index {
	struct mutex lock;
	struct rhashtable groups;
	struct kdbus_match_set __rcu *common[KDBUS_MATCH_N_TYPES];
	unsigned int n_by_name;
	unsigned long replaced;
	u32 seed;
	size_t bloom_size;
};

/**
 * struct kdbus_match_place - where an entry is filed
 * @set:	group it is in, NULL if it is in none
 * @is_live:	readers may heed the entry
 * @n_nodes:	elements of @nodes that are used
 * @nodes:	memory of the nodes
 */
struct kdbus_match_place {
	struct kdbus_match_set *set;
	bool is_live;
	unsigned int n_nodes;
	struct kdbus_match_node *nodes;
};

/**
 * struct kdbus_match_claim - memory and key of an entry that is to be filed
 * @is_filed:	anything can fit it
 * @key:	key
 * @mask:	mask
 * @set:	new group, if there is none with that key
 * @bunches:	memory of new bunches
 */
struct kdbus_match_claim {
	bool is_filed;
	struct kdbus_match_key key;
	struct kdbus_match_mask mask;
	struct kdbus_match_set *set;
	struct hlist_head bunches;
};

/**
 * struct kdbus_match_reader - a reader of an index
 * @index:	index
 * @walk:	what it does; set up by the caller but for @walk.pause
 * @replaced:	&kdbus_match_index.replaced when it began
 * @is_locked:	it holds &kdbus_match_index.lock
 * @is_cut:	the walk ended because it took too long
 */
struct kdbus_match_reader {
	struct kdbus_match_index *index;
	struct kdbus_match_walk walk;
	unsigned long replaced;
	bool is_locked;
	bool is_cut;
};

int kdbus_match_index_init(struct kdbus_match_index *index, size_t bloom_size);
void kdbus_match_index_deinit(struct kdbus_match_index *index);

int kdbus_match_claim_init(struct kdbus_match_claim *claim,
			   struct kdbus_match_index *index, const void *rules,
			   size_t rules_size);
void kdbus_match_claim_deinit(struct kdbus_match_claim *claim);
int kdbus_match_index_add(struct kdbus_match_index *index,
			  struct kdbus_match_claim *claim,
			  struct kdbus_match_place *place, void *owner);
void kdbus_match_index_remove(struct kdbus_match_index *index,
			      struct kdbus_match_place *place);

static inline bool
kdbus_match_place_is_live(const struct kdbus_match_place *place)
{
	/* pairs with the release in kdbus_match_index_add() */
	return smp_load_acquire(&place->is_live);
}

/* from now on a reader that began before knows that it may have missed both */
static inline void kdbus_match_index_replace(struct kdbus_match_index *index)
{
	lockdep_assert_held(&index->lock);

	/* after the new entry was filed, and before the old one goes */
	smp_store_release(&index->replaced, index->replaced + 1);
	smp_wmb();
}

void kdbus_match_reader_begin(struct kdbus_match_reader *reader, bool lock)
	__acquires(RCU);
bool kdbus_match_reader_walk(struct kdbus_match_reader *reader,
			     const struct kdbus_match_facts *facts);
bool kdbus_match_reader_walk_name(struct kdbus_match_reader *reader,
				  const char *name);
bool kdbus_match_reader_end(struct kdbus_match_reader *reader)
	__releases(RCU);

#endif
