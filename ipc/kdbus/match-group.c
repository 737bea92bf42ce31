// SPDX-License-Identifier: GPL-2.0
#include "match-group.h"

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "item.h"

/* words of a folded filter or mask */
static size_t kdbus_match_folded_words(size_t n_words)
{
	return min_t(size_t, n_words, KDBUS_MATCH_MAX_WORDS);
}

/* fold a filter or one block of a mask; returns it as one word */
static u64 kdbus_match_fold(u64 *words, const __u64 *data, size_t n_words)
{
	size_t i, n = kdbus_match_folded_words(n_words);
	u64 digest = 0;

	for (i = 0; i < n; i++)
		words[i] = data[i];
	for (; i < n_words; i++)
		words[i % KDBUS_MATCH_MAX_WORDS] |= data[i];
	for (i = 0; i < n; i++)
		digest |= words[i];

	return digest;
}

static bool kdbus_match_mask_is_selective(const struct kdbus_match_mask *mask)
{
	u64 words[KDBUS_MATCH_MAX_WORDS];
	size_t i;

	for (i = 0; i < mask->n_blocks; i++)
		if (!kdbus_match_fold(words, mask->data + i * mask->n_words,
				      mask->n_words))
			return false;

	return true;
}

/**
 * kdbus_match_mask_find() - find the mask that an entry can be filed by
 * @mask:	filled in; refers to @rules
 * @rules:	rules made by kdbus_match_rules_copy()
 * @rules_size:	bytes at @rules
 * @bloom_size:	bytes of a bloom mask on this bus
 *
 * That is the first one none of whose blocks is empty. If there is none
 * @mask->data is NULL.
 *
 * Context: any.
 */
void kdbus_match_mask_find(struct kdbus_match_mask *mask, const void *rules,
			   size_t rules_size, size_t bloom_size)
{
	const struct kdbus_item *rule;

	kdbus_items_foreach(rule, rules, rules_size) {
		if (rule->type != KDBUS_ITEM_BLOOM_MASK)
			continue;
		mask->data = rule->data64;
		mask->n_words = bloom_size / sizeof(u64);
		mask->n_blocks = kdbus_item_payload_size(rule) / sizeof(u64) /
				 mask->n_words;
		if (kdbus_match_mask_is_selective(mask))
			return;
	}

	mask->data = NULL;
	mask->n_blocks = 0;
	mask->n_words = 0;
}

/**
 * kdbus_match_mask_max_nodes() - tell how many nodes an entry may need
 * @mask:	its mask
 *
 * Context: any.
 * Return: number of nodes, at least 1; no more than there are blocks or bits.
 */
size_t kdbus_match_mask_max_nodes(const struct kdbus_match_mask *mask)
{
	if (!mask->data)
		return 1;

	return min_t(size_t, mask->n_blocks,
		     64 * kdbus_match_folded_words(mask->n_words));
}

/**
 * kdbus_match_filter_init() - prepare a filter for look-ups
 * @filter:	filled in
 * @bloom:	filter of a broadcast; NULL for a notification
 * @bloom_size:	bytes of its data
 *
 * Context: any.
 */
void kdbus_match_filter_init(struct kdbus_match_filter *filter,
			     const struct kdbus_bloom_filter *bloom,
			     size_t bloom_size)
{
	memset(filter, 0, sizeof(*filter));
	if (bloom)
		filter->digest = kdbus_match_fold(filter->words, bloom->data,
						  bloom_size / sizeof(u64));
}

/**
 * kdbus_match_group_init() - start with an empty group
 * @group:	group
 *
 * Context: any.
 */
void kdbus_match_group_init(struct kdbus_match_group *group)
{
	INIT_HLIST_HEAD(&group->always);
	group->n_few = 0;
	group->n = 0;
	RCU_INIT_POINTER(group->buckets, NULL);
}

/**
 * kdbus_match_buckets_size() - tell how much memory lists need
 * @bloom_size:	bytes of a bloom mask on this bus
 *
 * Context: any.
 * Return: bytes, to be zeroed by who allocates them.
 */
size_t kdbus_match_buckets_size(size_t bloom_size)
{
	size_t n_words = kdbus_match_folded_words(bloom_size / sizeof(u64));

	return sizeof(struct kdbus_match_buckets) +
	       64 * n_words * sizeof(struct kdbus_match_bucket);
}

/**
 * kdbus_match_group_wants_buckets() - ask whether lists would pay
 * @group:	group
 *
 * Context: any. Without the writers' lock the answer is a guess.
 * Return: true if kdbus_match_group_set_buckets() should be called before the
 *         next entry is added.
 */
bool kdbus_match_group_wants_buckets(const struct kdbus_match_group *group)
{
	return READ_ONCE(group->n_few) >= KDBUS_MATCH_FEW &&
	       !rcu_access_pointer(group->buckets);
}

/**
 * kdbus_match_group_set_buckets() - give a group memory for lists
 * @group:	group that has none
 * @buckets:	memory, zeroed. Freed by the caller, with the group
 * @bloom_size:	bytes of a bloom mask on this bus
 *
 * Context: serialised by the caller.
 */
void kdbus_match_group_set_buckets(struct kdbus_match_group *group,
				   struct kdbus_match_buckets *buckets,
				   size_t bloom_size)
{
	buckets->n_words = kdbus_match_folded_words(bloom_size / sizeof(u64));
	rcu_assign_pointer(group->buckets, buckets);
}

/*
 * Adding
 */

static void kdbus_match_link_always(struct kdbus_match_group *group,
				    struct kdbus_match_node *node)
{
	node->bucket = -1;
	if (node->is_masked)
		WRITE_ONCE(group->n_few, group->n_few + 1);
	hlist_add_head_rcu(&node->link, &group->always);
}

static void kdbus_match_link_bucket(struct kdbus_match_buckets *buckets,
				    struct kdbus_match_node *node)
{
	struct kdbus_match_bucket *bucket = &buckets->buckets[node->bucket];

	hlist_add_head_rcu(&node->link, &bucket->nodes);
	if (bucket->n++ == 0)
		WRITE_ONCE(buckets->occupied[node->bucket / 64],
			   buckets->occupied[node->bucket / 64] |
			   1ULL << node->bucket % 64);
}

/* all bits that some block may need are in it, the others may be, too */
static u64 kdbus_match_common_digest(const struct kdbus_match_mask *mask)
{
	u64 words[KDBUS_MATCH_MAX_WORDS], digest = ~0ULL;
	size_t i;

	for (i = 0; i < mask->n_blocks; i++)
		digest &= kdbus_match_fold(words,
					   mask->data + i * mask->n_words,
					   mask->n_words);
	return digest;
}

/* the bit of a block whose list is the shortest */
static int kdbus_match_pivot(const struct kdbus_match_buckets *buckets,
			     const u64 *words)
{
	unsigned int n, best_n = UINT_MAX;
	int bit, best = -1;
	size_t i;
	u64 word;

	for (i = 0; i < buckets->n_words; i++) {
		for (word = words[i]; word; word &= word - 1) {
			bit = 64 * i + __ffs64(word);
			n = buckets->buckets[bit].n;
			if (n < best_n) {
				best_n = n;
				best = bit;
			}
		}
	}

	return best;
}

/* the pivot that was chosen for another block and is in this one, too */
static struct kdbus_match_node *
kdbus_match_find_pivot(struct kdbus_match_node *nodes, size_t n,
		       const u64 *words)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (words[nodes[i].bucket / 64] >> nodes[i].bucket % 64 & 1)
			return &nodes[i];

	return NULL;
}

/* choose nodes so that each block has a pivot; nothing is linked yet */
static size_t kdbus_match_choose(const struct kdbus_match_buckets *buckets,
				 const struct kdbus_match_mask *mask,
				 struct kdbus_match_node *nodes, void *owner)
{
	u64 words[KDBUS_MATCH_MAX_WORDS], digest;
	struct kdbus_match_node *node;
	size_t i, n = 0;

	for (i = 0; i < mask->n_blocks; i++) {
		digest = kdbus_match_fold(words, mask->data + i * mask->n_words,
					  mask->n_words);
		node = kdbus_match_find_pivot(nodes, n, words);
		if (node) {
			node->digest &= digest;
			continue;
		}
		nodes[n++] = (struct kdbus_match_node){
			.owner = owner,
			.digest = digest,
			.bucket = kdbus_match_pivot(buckets, words),
		};
	}

	return n;
}

/**
 * kdbus_match_group_add() - add an entry
 * @group:	group
 * @mask:	mask of the entry
 * @nodes:	as many as kdbus_match_mask_max_nodes() says; they stay where
 *		they are as long as readers may be around
 * @owner:	what visitors are shown
 *
 * Context: serialised by the caller. A reader may find the entry before this
 *          returns.
 * Return: number of @nodes used, for kdbus_match_group_remove().
 */
size_t kdbus_match_group_add(struct kdbus_match_group *group,
			     const struct kdbus_match_mask *mask,
			     struct kdbus_match_node *nodes, void *owner)
{
	struct kdbus_match_buckets *buckets;
	size_t i, n = 1;

	buckets = rcu_dereference_protected(group->buckets, true);
	if (mask->data && buckets) {
		n = kdbus_match_choose(buckets, mask, nodes, owner);
		for (i = 0; i < n; i++)
			kdbus_match_link_bucket(buckets, &nodes[i]);
	} else {
		nodes[0] = (struct kdbus_match_node){
			.owner = owner,
			.is_masked = mask->data,
			.digest = mask->data ?
				  kdbus_match_common_digest(mask) : 0,
		};
		kdbus_match_link_always(group, &nodes[0]);
	}
	group->n += n;

	return n;
}

/**
 * kdbus_match_group_remove() - remove an entry
 * @group:	group
 * @nodes:	nodes of the entry. Readers may use them for a grace period
 * @n:		what kdbus_match_group_add() returned
 *
 * Context: serialised by the caller.
 */
void kdbus_match_group_remove(struct kdbus_match_group *group,
			      struct kdbus_match_node *nodes, size_t n)
{
	struct kdbus_match_buckets *buckets;
	size_t i, word;

	buckets = rcu_dereference_protected(group->buckets, true);
	for (i = 0; i < n; i++) {
		hlist_del_rcu(&nodes[i].link);
		if (nodes[i].is_masked)
			WRITE_ONCE(group->n_few, group->n_few - 1);
		if (nodes[i].bucket < 0 ||
		    --buckets->buckets[nodes[i].bucket].n > 0)
			continue;

		word = nodes[i].bucket / 64;
		WRITE_ONCE(buckets->occupied[word], buckets->occupied[word] &
			   ~(1ULL << nodes[i].bucket % 64));
	}
	group->n -= n;
}

/*
 * Looking up
 */

static bool kdbus_match_walk_list(const struct hlist_head *list,
				  struct kdbus_match_walk *walk)
{
	const u64 missing = ~walk->filter.digest;
	const struct kdbus_match_node *node;
	unsigned int n = walk->n;

	hlist_for_each_entry_rcu(node, list, link) {
		/* most of them end here */
		if (node->digest & missing)
			n += 1;
		else if (walk->visit(walk, node->owner))
			n += KDBUS_MATCH_VISIT;
		else
			return false;

		if (unlikely(n >= KDBUS_MATCH_PAUSE)) {
			if (!walk->pause(walk))
				return false;
			n = 0;
		}
	}
	walk->n = n;

	return true;
}

/**
 * kdbus_match_group_walk() - visit the entries that may fit a filter
 * @group:	group
 * @walk:	filter, and what to do
 *
 * Context: under RCU; what @walk->visit and @walk->pause need.
 * Return: true; false if one of them did.
 */
bool kdbus_match_group_walk(const struct kdbus_match_group *group,
			    struct kdbus_match_walk *walk)
{
	const struct kdbus_match_buckets *buckets;
	size_t i, bit;
	u64 word;

	if (!kdbus_match_walk_list(&group->always, walk))
		return false;

	buckets = rcu_dereference(group->buckets);
	if (!buckets)
		return true;

	for (i = 0; i < buckets->n_words; i++) {
		word = READ_ONCE(buckets->occupied[i]) & walk->filter.words[i];
		for (; word; word &= word - 1) {
			bit = 64 * i + __ffs64(word);
			if (!kdbus_match_walk_list(&buckets->buckets[bit].nodes,
						   walk))
				return false;
		}
	}

	return true;
}
