// SPDX-License-Identifier: GPL-2.0
#include "match-group.h"

#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "item.h"

/* nobody waits for memory of this kind */
#define KDBUS_MATCH_GFP	(GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN)

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
 * That is the first one none of whose blocks is empty, or else the last one. If
 * there is none @mask->data is NULL.
 *
 * Context: any.
 */
void kdbus_match_mask_find(struct kdbus_match_mask *mask, const void *rules,
			   size_t rules_size, size_t bloom_size)
{
	const struct kdbus_item *rule;

	mask->data = NULL;
	mask->n_blocks = 0;
	mask->n_words = 0;

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
}

/**
 * kdbus_match_mask_max_nodes() - tell how many nodes an entry may need
 * @mask:	its mask
 *
 * Context: any.
 * Return: number of nodes, at least 1 and at most KDBUS_MATCH_MAX_BLOCKS; with a
 *         mask as many bunches may be needed.
 */
size_t kdbus_match_mask_max_nodes(const struct kdbus_match_mask *mask)
{
	return mask->n_blocks && mask->n_blocks <= KDBUS_MATCH_MAX_BLOCKS ?
	       mask->n_blocks : 1;
}

/**
 * kdbus_match_mask_decides() - ask whether nothing but the mask matters
 * @mask:	what kdbus_match_mask_find() found
 * @rules_size:	bytes of the rules of the entry
 *
 * Context: any.
 * Return: true if the entry fits whenever it is visited.
 */
bool kdbus_match_mask_decides(const struct kdbus_match_mask *mask,
			      size_t rules_size)
{
	return mask->n_blocks == 1 && mask->n_words <= KDBUS_MATCH_MAX_WORDS &&
	       rules_size == KDBUS_ITEM_SIZE(mask->n_words * sizeof(u64));
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
	size_t n_words = bloom_size / sizeof(u64);

	memset(filter, 0, sizeof(*filter));
	filter->n_words = kdbus_match_folded_words(n_words);
	if (bloom)
		filter->digest = kdbus_match_fold(filter->words, bloom->data,
						  n_words);
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
	INIT_HLIST_HEAD(&group->root.bunches);
	RCU_INIT_POINTER(group->root.table, NULL);
	group->root.n = 0;
	group->n = 0;
	group->census = NULL;
}

/*
 * Census
 */

static struct hlist_head *
kdbus_match_census_list(struct kdbus_match_census *census, const u64 *words,
			u32 seed)
{
	u32 hash = jhash2((const u32 *)words, 2 * KDBUS_MATCH_MAX_WORDS, seed);

	return &census->bunches[hash % KDBUS_MATCH_HASH_SIZE];
}

static void kdbus_match_census_count(struct kdbus_match_census *census,
				     const struct kdbus_match_bunch *bunch,
				     int n)
{
	size_t i;
	u64 word;

	for (i = 0; i < KDBUS_MATCH_MAX_WORDS; i++)
		for (word = bunch->words[i]; word; word &= word - 1)
			census->n_with[64 * i + __ffs64(word)] += n;
}

static void kdbus_match_census_add(struct kdbus_match_census *census,
				   struct kdbus_match_bunch *bunch, u32 seed)
{
	hlist_add_head(&bunch->same,
		       kdbus_match_census_list(census, bunch->words, seed));
	kdbus_match_census_count(census, bunch, 1);
}

static bool kdbus_match_bunch_has(const struct kdbus_match_bunch *bunch,
				  const u64 *words)
{
	return !memcmp(bunch->words, words, sizeof(bunch->words));
}

static struct kdbus_match_bunch *
kdbus_match_group_find(struct kdbus_match_group *group, const u64 *words,
		       u32 seed)
{
	struct kdbus_match_bunch *bunch;
	struct hlist_head *list;

	if (group->census) {
		list = kdbus_match_census_list(group->census, words, seed);
		hlist_for_each_entry(bunch, list, same)
			if (kdbus_match_bunch_has(bunch, words))
				return bunch;
	} else {
		hlist_for_each_entry(bunch, &group->root.bunches, links[0])
			if (kdbus_match_bunch_has(bunch, words))
				return bunch;
	}

	return NULL;
}

/*
 * Branches
 */

/* bits that a bunch can still be filed by */
static u64 kdbus_match_candidates(const struct kdbus_match_bunch *bunch,
				  size_t i)
{
	u64 word = bunch->words[i];

	if (bunch->n_pivots && bunch->pivots[0] / 64 == i)
		word &= ~(1ULL << bunch->pivots[0] % 64);
	return word;
}

/*
 * The bit of a mask to file it by next, or -1. It is the first one that is about
 * as rare as the rarest of them: what many have, most filters have, too, and the
 * more masks agree on one of the rare bits, the fewer branches a filter meets.
 */
static int kdbus_match_pivot(const struct kdbus_match_census *census,
			     const struct kdbus_match_bunch *bunch)
{
	unsigned int rarest = UINT_MAX / 2;
	size_t i, bit;
	u64 word;

	for (i = 0; i < KDBUS_MATCH_MAX_WORDS; i++) {
		word = kdbus_match_candidates(bunch, i);
		for (; word; word &= word - 1)
			rarest = min(rarest,
				     census->n_with[64 * i + __ffs64(word)]);
	}
	for (i = 0; i < KDBUS_MATCH_MAX_WORDS; i++) {
		word = kdbus_match_candidates(bunch, i);
		for (; word; word &= word - 1) {
			bit = 64 * i + __ffs64(word);
			if (census->n_with[bit] <= 2 * rarest)
				return bit;
		}
	}

	return -1;
}

/* file a bunch below a table, if it has a pivot for that */
static bool kdbus_match_table_add(struct kdbus_match_table *table,
				  const struct kdbus_match_census *census,
				  struct kdbus_match_bunch *bunch)
{
	struct kdbus_match_branch *branch;
	struct kdbus_match_table *below;
	int pivot;

	pivot = kdbus_match_pivot(census, bunch);
	if (pivot < 0)
		return false;

	bunch->pivots[bunch->n_pivots++] = pivot;
	branch = &table->branches[pivot];
	below = rcu_dereference_protected(branch->table, true);
	if (!below || !kdbus_match_table_add(below, census, bunch))
		hlist_add_head_rcu(&bunch->links[bunch->n_pivots],
				   &branch->bunches);
	if (branch->n++ == 0)
		WRITE_ONCE(table->occupied[pivot / 64],
			   table->occupied[pivot / 64] | 1ULL << pivot % 64);

	return true;
}

/* let a branch have a table, and move there what is in its list */
static void kdbus_match_branch_split(struct kdbus_match_branch *branch,
				     const struct kdbus_match_census *census,
				     struct kdbus_match_table *table,
				     unsigned int level)
{
	struct kdbus_match_bunch *bunch;
	struct hlist_node *next;

	hlist_for_each_entry(bunch, &branch->bunches, links[level])
		kdbus_match_table_add(table, census, bunch);

	rcu_assign_pointer(branch->table, table);
	/* who does not find them here any more has to find the table */
	smp_wmb();

	hlist_for_each_entry_safe(bunch, next, &branch->bunches, links[level])
		if (bunch->n_pivots > level)
			hlist_del_rcu(&bunch->links[level]);
}

static struct kdbus_match_table *kdbus_match_table_new(size_t n_words)
{
	return kzalloc(sizeof(struct kdbus_match_table) +
		       64 * n_words * sizeof(struct kdbus_match_branch),
		       KDBUS_MATCH_GFP);
}

static bool kdbus_match_branch_is_full(const struct kdbus_match_branch *branch)
{
	return branch->n > KDBUS_MATCH_FEW &&
	       !rcu_access_pointer(branch->table);
}

static void kdbus_match_group_split_root(struct kdbus_match_group *group,
					 size_t n_words, u32 seed)
{
	struct kdbus_match_table *table = kdbus_match_table_new(n_words);
	struct kdbus_match_bunch *bunch;

	group->census = kzalloc(sizeof(*group->census), KDBUS_MATCH_GFP);
	if (!table || !group->census) {
		kfree(table);
		kfree(group->census);
		group->census = NULL;
		return;
	}

	hlist_for_each_entry(bunch, &group->root.bunches, links[0])
		kdbus_match_census_add(group->census, bunch, seed);
	kdbus_match_branch_split(&group->root, group->census, table, 0);
}

/* make tables on the way to a new bunch, where there are many */
static void kdbus_match_group_split(struct kdbus_match_group *group,
				    const struct kdbus_match_bunch *bunch,
				    size_t n_words, u32 seed)
{
	struct kdbus_match_table *table;
	struct kdbus_match_branch *branch;

	if (kdbus_match_branch_is_full(&group->root))
		kdbus_match_group_split_root(group, n_words, seed);
	if (bunch->n_pivots != 1)
		return;

	table = rcu_dereference_protected(group->root.table, true);
	branch = &table->branches[bunch->pivots[0]];
	if (!kdbus_match_branch_is_full(branch))
		return;
	table = kdbus_match_table_new(n_words);
	if (table)
		kdbus_match_branch_split(branch, group->census, table, 1);
}

/*
 * Adding
 */

static void kdbus_match_group_link(struct kdbus_match_group *group,
				   struct kdbus_match_bunch *bunch,
				   size_t n_words, u32 seed)
{
	struct kdbus_match_table *table;

	bunch->n_pivots = 0;
	if (group->census)
		kdbus_match_census_add(group->census, bunch, seed);
	table = rcu_dereference_protected(group->root.table, true);
	if (!table || !kdbus_match_table_add(table, group->census, bunch))
		hlist_add_head_rcu(&bunch->links[0], &group->root.bunches);
	group->root.n++;

	kdbus_match_group_split(group, bunch, n_words, seed);
}

/* the bunch for a mask, which is a vacant one if there is none */
static struct kdbus_match_bunch *
kdbus_match_group_get(struct kdbus_match_group *group, const u64 *words,
		      size_t n_words, u32 seed, struct hlist_head *vacant)
{
	struct kdbus_match_bunch *bunch;
	size_t i;

	bunch = kdbus_match_group_find(group, words, seed);
	if (bunch)
		return bunch;

	bunch = hlist_entry(vacant->first, struct kdbus_match_bunch, same);
	hlist_del(&bunch->same);
	INIT_HLIST_HEAD(&bunch->nodes);
	INIT_HLIST_NODE(&bunch->same);
	memcpy(bunch->words, words, sizeof(bunch->words));
	bunch->digest = 0;
	for (i = 0; i < n_words; i++)
		bunch->digest |= words[i];
	kdbus_match_group_link(group, bunch, n_words, seed);

	return bunch;
}

/* the bits that all blocks have */
static void kdbus_match_common(u64 *common, const struct kdbus_match_mask *mask)
{
	u64 words[KDBUS_MATCH_MAX_WORDS] = {};
	size_t i, j;

	memset(common, 0xff, sizeof(words));
	for (i = 0; i < mask->n_blocks; i++) {
		kdbus_match_fold(words, mask->data + i * mask->n_words,
				 mask->n_words);
		for (j = 0; j < KDBUS_MATCH_MAX_WORDS; j++)
			common[j] &= words[j];
	}
}

/**
 * kdbus_match_group_add() - add an entry
 * @group:	group
 * @mask:	mask of the entry
 * @seed:	of hashes of masks, the same for all entries of @group
 * @vacant:	list of bunches, as many as kdbus_match_mask_max_nodes() says if
 *		there is a mask, linked by their @same. Those that are needed
 *		are taken out, and freed when their last entry is removed
 * @nodes:	as many as kdbus_match_mask_max_nodes() says; they stay where
 *		they are as long as readers may be around
 * @owner:	what visitors are shown
 *
 * Context: serialised by the caller. A reader may find the entry before this
 *          returns.
 * Return: number of @nodes used, for kdbus_match_group_remove().
 */
size_t kdbus_match_group_add(struct kdbus_match_group *group,
			     const struct kdbus_match_mask *mask, u32 seed,
			     struct hlist_head *vacant,
			     struct kdbus_match_node *nodes, void *owner)
{
	size_t n_words = kdbus_match_folded_words(mask->n_words);
	size_t i, n = kdbus_match_mask_max_nodes(mask);
	u64 words[KDBUS_MATCH_MAX_WORDS] = {};

	for (i = 0; i < n; i++) {
		nodes[i].owner = owner;
		nodes[i].bunch = NULL;
		if (!mask->data) {
			hlist_add_head_rcu(&nodes[i].link, &group->always);
			continue;
		}

		if (n == mask->n_blocks)
			kdbus_match_fold(words, mask->data + i * mask->n_words,
					 mask->n_words);
		else
			kdbus_match_common(words, mask);
		nodes[i].bunch = kdbus_match_group_get(group, words, n_words,
						       seed, vacant);
		hlist_add_head_rcu(&nodes[i].link, &nodes[i].bunch->nodes);
	}
	group->n += n;

	return n;
}

/*
 * Removing
 */

/* one bunch less, and no table where there is none any more */
static void kdbus_match_branch_uncount(struct kdbus_match_branch *branch)
{
	struct kdbus_match_table *table;

	if (--branch->n)
		return;

	table = rcu_dereference_protected(branch->table, true);
	if (table) {
		RCU_INIT_POINTER(branch->table, NULL);
		kfree_rcu(table, rcu);
	}
}

static void kdbus_match_table_uncount(struct kdbus_match_table *table,
				      unsigned int pivot)
{
	struct kdbus_match_branch *branch = &table->branches[pivot];

	kdbus_match_branch_uncount(branch);
	if (!branch->n)
		WRITE_ONCE(table->occupied[pivot / 64],
			   table->occupied[pivot / 64] &
			   ~(1ULL << pivot % 64));
}

static void kdbus_match_group_unlink(struct kdbus_match_group *group,
				     struct kdbus_match_bunch *bunch)
{
	struct kdbus_match_table *table, *below;

	hlist_del_rcu(&bunch->links[bunch->n_pivots]);
	if (group->census) {
		hlist_del(&bunch->same);
		kdbus_match_census_count(group->census, bunch, -1);
	}

	/* from the last pivot to the first, as tables go */
	table = rcu_dereference_protected(group->root.table, true);
	if (bunch->n_pivots > 1) {
		below = rcu_dereference_protected(
				table->branches[bunch->pivots[0]].table, true);
		kdbus_match_table_uncount(below, bunch->pivots[1]);
	}
	if (bunch->n_pivots > 0)
		kdbus_match_table_uncount(table, bunch->pivots[0]);
	kdbus_match_branch_uncount(&group->root);
	if (!group->root.n) {
		kfree(group->census);
		group->census = NULL;
	}
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
	struct kdbus_match_bunch *bunch;
	size_t i;

	for (i = 0; i < n; i++) {
		hlist_del_rcu(&nodes[i].link);
		bunch = nodes[i].bunch;
		if (!bunch || !hlist_empty(&bunch->nodes))
			continue;
		kdbus_match_group_unlink(group, bunch);
		kfree_rcu(bunch, rcu);
	}
	group->n -= n;
}

/*
 * Looking up
 */

/* count what was done */
static bool kdbus_match_walk_on(struct kdbus_match_walk *walk, unsigned int n)
{
	walk->n += n;
	if (likely(walk->n < KDBUS_MATCH_PAUSE))
		return true;

	walk->n = 0;
	return walk->pause(walk);
}

static bool kdbus_match_walk_nodes(const struct hlist_head *nodes,
				   struct kdbus_match_walk *walk)
{
	const struct kdbus_match_node *node;

	hlist_for_each_entry_rcu(node, nodes, link)
		if (!walk->visit(walk, node->owner) ||
		    !kdbus_match_walk_on(walk, KDBUS_MATCH_VISIT))
			return false;

	return true;
}

/* visit a bunch whose digest fits */
static noinline bool
kdbus_match_walk_bunch(const struct kdbus_match_bunch *bunch,
		       struct kdbus_match_walk *walk)
{
	size_t i;

	for (i = 0; i < walk->filter.n_words; i++)
		if (bunch->words[i] & ~walk->filter.words[i])
			return true;

	return kdbus_match_walk_nodes(&bunch->nodes, walk);
}

/* most bunches are passed by, so this is what a look-up does most of the time */
static __always_inline bool
kdbus_match_walk_bunches(const struct hlist_head *bunches, unsigned int level,
			 struct kdbus_match_walk *walk)
{
	const u64 missing = ~walk->filter.digest;
	const struct kdbus_match_bunch *bunch;
	unsigned int left = KDBUS_MATCH_PAUSE;
	const struct hlist_node *pos;

	for (pos = rcu_dereference(hlist_first_rcu(bunches)); pos;
	     pos = rcu_dereference(hlist_next_rcu(pos))) {
		bunch = hlist_entry(pos, struct kdbus_match_bunch,
				    links[level]);
		if (likely(bunch->digest & missing)) {
			if (likely(--left))
				continue;
			left = KDBUS_MATCH_PAUSE;
			if (!kdbus_match_walk_on(walk, KDBUS_MATCH_PAUSE))
				return false;
		} else if (!kdbus_match_walk_bunch(bunch, walk)) {
			return false;
		}
	}
	walk->n += KDBUS_MATCH_PAUSE - left;

	return true;
}

/*
 * The table of a branch whose list was walked. Who was moved from one to the
 * other is in one of them.
 */
static const struct kdbus_match_table *
kdbus_match_branch_table(const struct kdbus_match_branch *branch)
{
	/* pairs with the barrier in kdbus_match_branch_split() */
	smp_rmb();
	return rcu_dereference(branch->table);
}

/* some of 64 branches that have all pivots there may be */
static noinline bool
kdbus_match_walk_leaves(const struct kdbus_match_branch *branches, u64 bits,
			struct kdbus_match_walk *walk)
{
	for (; bits; bits &= bits - 1)
		if (!kdbus_match_walk_bunches(&branches[__ffs64(bits)].bunches,
					      KDBUS_MATCH_MAX_PIVOTS, walk))
			return false;

	return kdbus_match_walk_on(walk, 1);
}

/* the bits of a word that both the filter has and some branch needs */
static u64 kdbus_match_walk_bits(const struct kdbus_match_table *table,
				 const struct kdbus_match_walk *walk, size_t i)
{
	return READ_ONCE(table->occupied[i]) & walk->filter.words[i];
}

static bool kdbus_match_walk_second(const struct kdbus_match_table *table,
				    struct kdbus_match_walk *walk)
{
	size_t i, n = walk->filter.n_words;
	u64 bits;

	for (i = 0; i < n; i++) {
		bits = kdbus_match_walk_bits(table, walk, i);
		if (bits && !kdbus_match_walk_leaves(&table->branches[64 * i],
						     bits, walk))
			return false;
	}

	return true;
}

static bool kdbus_match_walk_first(const struct kdbus_match_table *table,
				   struct kdbus_match_walk *walk)
{
	const struct kdbus_match_branch *branch;
	const struct kdbus_match_table *below;
	size_t i;
	u64 bits;

	for (i = 0; i < walk->filter.n_words; i++) {
		bits = kdbus_match_walk_bits(table, walk, i);
		for (; bits; bits &= bits - 1) {
			branch = &table->branches[64 * i + __ffs64(bits)];
			if (!kdbus_match_walk_bunches(&branch->bunches, 1,
						      walk))
				return false;
			below = kdbus_match_branch_table(branch);
			if (below && !kdbus_match_walk_second(below, walk))
				return false;
		}
	}

	return kdbus_match_walk_on(walk, 1);
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
	const struct kdbus_match_table *table;

	if (!kdbus_match_walk_nodes(&group->always, walk) ||
	    !kdbus_match_walk_bunches(&group->root.bunches, 0, walk))
		return false;

	table = kdbus_match_branch_table(&group->root);
	return !table || kdbus_match_walk_first(table, walk);
}
