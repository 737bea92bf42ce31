// SPDX-License-Identifier: GPL-2.0
#include "match-index.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

/**
 * struct kdbus_match_set - a group in an index
 * @hash:	in &kdbus_match_index.groups
 * @rcu:	delays freeing for readers
 * @key:	what all entries in it are filed by
 * @group:	the entries; never empty
 */
struct kdbus_match_set {
	struct rhash_head hash;
	struct rcu_head rcu;
	struct kdbus_match_key key;
	struct kdbus_match_group group;
};

/* the seed is random, so that nobody can choose keys that collide */
static const struct rhashtable_params kdbus_match_params = {
	.head_offset = offsetof(struct kdbus_match_set, hash),
	.key_offset = offsetof(struct kdbus_match_set, key),
	.key_len = sizeof(struct kdbus_match_key),
	.automatic_shrinking = true,
};

/**
 * kdbus_match_index_init() - start with an empty index
 * @index:	index of a new bus
 * @bloom_size:	bytes of a bloom mask on this bus
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_match_index_init(struct kdbus_match_index *index, size_t bloom_size)
{
	mutex_init(&index->lock);
	memset(index->common, 0, sizeof(index->common));
	index->n_by_name = 0;
	index->replaced = 0;
	get_random_bytes(&index->seed, sizeof(index->seed));
	index->bloom_size = bloom_size;
	return rhashtable_init(&index->groups, &kdbus_match_params);
}

/**
 * kdbus_match_index_deinit() - free an empty index
 * @index:	index of a bus that is gone
 *
 * Context: may sleep.
 */
void kdbus_match_index_deinit(struct kdbus_match_index *index)
{
	WARN_ON(atomic_read(&index->groups.nelems) || index->n_by_name ||
		memchr_inv(index->common, 0, sizeof(index->common)));
	rhashtable_destroy(&index->groups);
	mutex_destroy(&index->lock);
}

static struct kdbus_match_set *
kdbus_match_index_find(struct kdbus_match_index *index,
		       const struct kdbus_match_key *key)
{
	if (key->by == KDBUS_MATCH_BY_NONE)
		return rcu_dereference(index->common[kdbus_match_type_number(key->type)]);
	if (!atomic_read(&index->groups.nelems))
		return NULL;
	return rhashtable_lookup(&index->groups, key, kdbus_match_params);
}

static int kdbus_match_index_link(struct kdbus_match_index *index,
				  struct kdbus_match_set *set)
{
	if (set->key.by != KDBUS_MATCH_BY_NONE)
		return rhashtable_insert_fast(&index->groups, &set->hash,
					      kdbus_match_params);

	rcu_assign_pointer(index->common[kdbus_match_type_number(set->key.type)],
			   set);
	return 0;
}

static void kdbus_match_index_unlink(struct kdbus_match_index *index,
				     struct kdbus_match_set *set)
{
	if (set->key.by != KDBUS_MATCH_BY_NONE)
		rhashtable_remove_fast(&index->groups, &set->hash,
				       kdbus_match_params);
	else
		RCU_INIT_POINTER(index->common[kdbus_match_type_number(set->key.type)],
				 NULL);
}

/*
 * Writers
 */

static bool kdbus_match_index_has(struct kdbus_match_index *index,
				  const struct kdbus_match_key *key)
{
	bool found;

	rcu_read_lock();
	found = kdbus_match_index_find(index, key);
	rcu_read_unlock();

	return found;
}

static int kdbus_match_claim_bunches(struct kdbus_match_claim *claim)
{
	size_t i, n = kdbus_match_mask_max_nodes(&claim->mask);
	struct kdbus_match_bunch *bunch;

	for (i = 0; claim->mask.data && i < n; i++) {
		bunch = kmalloc(sizeof(*bunch), GFP_KERNEL_ACCOUNT);
		if (!bunch)
			return -ENOMEM;
		hlist_add_head(&bunch->same, &claim->bunches);
	}

	return 0;
}

/**
 * kdbus_match_claim_init() - prepare to file an entry
 * @claim:	filled in; to be given to kdbus_match_claim_deinit() afterwards,
 *		whatever happens
 * @index:	index
 * @rules:	rules of the entry, made by kdbus_match_rules_copy()
 * @rules_size:	bytes at @rules
 *
 * Allocates, as nobody is to wait for memory with the index' lock held.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_match_claim_init(struct kdbus_match_claim *claim,
			   struct kdbus_match_index *index, const void *rules,
			   size_t rules_size)
{
	int r;

	claim->set = NULL;
	INIT_HLIST_HEAD(&claim->bunches);
	kdbus_match_mask_find(&claim->mask, rules, rules_size,
			      index->bloom_size);
	claim->is_filed = kdbus_match_key_of_rules(&claim->key, rules,
						   rules_size, index->seed);
	if (!claim->is_filed)
		return 0;

	r = kdbus_match_claim_bunches(claim);
	if (r < 0 || kdbus_match_index_has(index, &claim->key))
		return r;

	claim->set = kmalloc(sizeof(*claim->set), GFP_KERNEL_ACCOUNT);
	if (!claim->set)
		return -ENOMEM;
	claim->set->key = claim->key;
	kdbus_match_group_init(&claim->set->group);

	return 0;
}

/**
 * kdbus_match_claim_deinit() - free memory that was not needed
 * @claim:	claim
 *
 * Context: may sleep.
 */
void kdbus_match_claim_deinit(struct kdbus_match_claim *claim)
{
	struct kdbus_match_bunch *bunch;
	struct hlist_node *next;

	hlist_for_each_entry_safe(bunch, next, &claim->bunches, same)
		kfree(bunch);
	kfree(claim->set);
}

/**
 * kdbus_match_index_add() - file an entry
 * @index:	index
 * @claim:	what is needed for it
 * @place:	where the entry is then; @place->nodes has room for as many nodes
 *		as kdbus_match_mask_max_nodes() says for @claim->mask
 * @owner:	the entry, as readers are shown it
 *
 * Context: may sleep; @index->lock is held.
 * Return: 0; -ENOMEM; -EAGAIN if the group that was there has gone, so that it
 *         takes a new claim.
 */
int kdbus_match_index_add(struct kdbus_match_index *index,
			  struct kdbus_match_claim *claim,
			  struct kdbus_match_place *place, void *owner)
{
	struct kdbus_match_set *set;
	int r;

	lockdep_assert_held(&index->lock);

	place->set = NULL;
	place->n_nodes = 0;
	if (!claim->is_filed)
		return 0;

	rcu_read_lock();
	set = kdbus_match_index_find(index, &claim->key);
	rcu_read_unlock();
	if (!set) {
		set = claim->set;
		if (!set)
			return -EAGAIN;
		r = kdbus_match_index_link(index, set);
		if (r < 0)
			return -ENOMEM;
		claim->set = NULL;
	}

	if (claim->key.type == 0 && claim->key.by == KDBUS_MATCH_BY_NAME)
		WRITE_ONCE(index->n_by_name, index->n_by_name + 1);
	place->set = set;
	place->n_nodes = kdbus_match_group_add(&set->group, &claim->mask,
					       index->seed, &claim->bunches,
					       place->nodes, owner);
	/* who heeds the entry by one node makes others find all of them */
	smp_store_release(&place->is_live, true);
	return 0;
}

/**
 * kdbus_match_index_remove() - remove an entry
 * @index:	index
 * @place:	where it is. Readers may use it for a grace period
 *
 * Context: may sleep; @index->lock is held.
 */
void kdbus_match_index_remove(struct kdbus_match_index *index,
			      struct kdbus_match_place *place)
{
	struct kdbus_match_set *set = place->set;

	lockdep_assert_held(&index->lock);

	if (!set)
		return;

	/* nobody heeds it any more, although some may still find it */
	WRITE_ONCE(place->is_live, false);
	smp_wmb();
	kdbus_match_group_remove(&set->group, place->nodes, place->n_nodes);
	if (set->key.type == 0 && set->key.by == KDBUS_MATCH_BY_NAME)
		WRITE_ONCE(index->n_by_name, index->n_by_name - 1);
	if (set->group.n)
		return;

	kdbus_match_index_unlink(index, set);
	kfree_rcu(set, rcu);
}

/*
 * Readers
 */

static bool kdbus_match_reader_pause(struct kdbus_match_walk *walk)
{
	struct kdbus_match_reader *reader =
		container_of(walk, struct kdbus_match_reader, walk);

	if (!need_resched())
		return true;

	/* what was found stays only with the lock held */
	if (!reader->is_locked) {
		reader->is_cut = true;
		return false;
	}

	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	return true;
}

/**
 * kdbus_match_reader_begin() - start to read an index
 * @reader:	reader; @reader->index and @reader->walk.visit are set
 * @lock:	keep writers away
 *
 * Enters an RCU section, which kdbus_match_reader_walk() leaves for moments if
 * @lock is true, but not while it visits an entry.
 *
 * Context: may sleep; takes the index' lock if @lock is true.
 */
void kdbus_match_reader_begin(struct kdbus_match_reader *reader, bool lock)
	__acquires(RCU)
{
	reader->walk.pause = kdbus_match_reader_pause;
	reader->walk.n = 0;
	reader->is_locked = lock;
	reader->is_cut = false;
	if (lock)
		mutex_lock(&reader->index->lock);
	rcu_read_lock();
	/* who does not see the last replacement ... */
	reader->replaced = smp_load_acquire(&reader->index->replaced);
}

static bool kdbus_match_reader_walk_key(struct kdbus_match_reader *reader,
					const struct kdbus_match_key *key)
{
	struct kdbus_match_set *set;

	set = kdbus_match_index_find(reader->index, key);
	return !set || kdbus_match_group_walk(&set->group, &reader->walk);
}

/**
 * kdbus_match_reader_walk() - visit the entries that may fit a signal
 * @reader:	reader that has begun
 * @facts:	broadcast or notification
 *
 * Without those filed by names of the sender.
 *
 * Context: inside kdbus_match_reader_begin().
 * Return: true; false if the walk ended early.
 */
bool kdbus_match_reader_walk(struct kdbus_match_reader *reader,
			     const struct kdbus_match_facts *facts)
{
	struct kdbus_match_key keys[KDBUS_MATCH_MAX_KEYS];
	struct kdbus_match_index *index = reader->index;
	size_t i, n;

	kdbus_match_filter_init(&reader->walk.filter, facts->bloom,
				index->bloom_size);
	n = kdbus_match_keys_of_facts(keys, facts, index->seed);
	for (i = 0; i < n; i++)
		if (!kdbus_match_reader_walk_key(reader, &keys[i]))
			return false;

	return true;
}

/**
 * kdbus_match_reader_walk_name() - visit the entries filed by a name
 * @reader:	reader, after kdbus_match_reader_walk()
 * @name:	name of the sender
 *
 * Context: inside kdbus_match_reader_begin().
 * Return: true; false if the walk ended early.
 */
bool kdbus_match_reader_walk_name(struct kdbus_match_reader *reader,
				  const char *name)
{
	struct kdbus_match_key key;

	kdbus_match_key_of_name(&key, name, reader->index->seed);
	return kdbus_match_reader_walk_key(reader, &key);
}

/**
 * kdbus_match_reader_end() - end to read an index
 * @reader:	reader that has begun
 *
 * Context: undoes kdbus_match_reader_begin().
 * Return: true; false if something may have been missed. With the lock held
 *         that does not happen.
 */
bool kdbus_match_reader_end(struct kdbus_match_reader *reader)
	__releases(RCU)
{
	bool missed;

	/* ... does not see that the old entry has gone, or starts again here */
	smp_rmb();
	missed = !reader->is_locked &&
		 (reader->is_cut ||
		  READ_ONCE(reader->index->replaced) != reader->replaced);
	rcu_read_unlock();
	if (reader->is_locked)
		mutex_unlock(&reader->index->lock);

	return !missed;
}
