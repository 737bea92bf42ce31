/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_GROUP_H
#define KDBUS_MATCH_GROUP_H

/**
 * DOC: Groups of matches
 *
 * The entries with one key, filed by their bloom masks. Entries with the same
 * mask, of however many connections, are one bunch, whose mask is compared once.
 *
 * A mask fits a filter that has all of its bits; so a bunch need only be looked
 * at if the filter has one certain bit of its mask, a pivot. Bunches are filed
 * by a pivot, and where many have the same one, by a second one, too: only the
 * branches under bits that the filter has are visited. Of the bits of a mask the
 * rarest ones are its pivots. As all masks are looked at in one order of bits,
 * few branches have many of them, and most bits have none.
 *
 * An entry with masks for several generations is in a bunch for each of them.
 * Whoever visits does not care which generation it was. One with too many of
 * them is filed by the bits that all have in common. One without mask is visited
 * always.
 *
 * Filters and masks with more than 512 bits are folded to that.
 *
 * Writers are serialised by the caller, readers need RCU only. What readers may
 * still use is freed after a grace period. A branch without the table that it
 * should have is slower and nothing else, so that nobody waits for memory here.
 */

#include <linux/list.h>
#include <linux/rculist.h>
#include <linux/types.h>
#include <linux/kdbus.h>

/* words of a folded filter */
#define KDBUS_MATCH_MAX_WORDS	8

/* bunches of a branch that need no table */
#define KDBUS_MATCH_FEW		16

/* pivots that a bunch is filed by at most */
#define KDBUS_MATCH_MAX_PIVOTS	2

/* blocks of a mask that are looked at one by one */
#define KDBUS_MATCH_MAX_BLOCKS	8

/* lists to find bunches by their masks */
#define KDBUS_MATCH_HASH_SIZE	512

/**
 * struct kdbus_match_bunch - entries of a group with the same mask
 * @nodes:	their nodes
 * @digest:	@words folded to one word
 * @links:	in the list of a branch, by number of pivots; the one that is used
 *		is that of @n_pivots. Each is used once
 * @words:	bits that a folded filter needs for the entries to fit
 * @same:	in &kdbus_match_census.bunches; in the list of vacant ones before
 * @rcu:	delays freeing for readers
 * @n_pivots:	elements of @pivots that are used
 * @pivots:	bits that it is filed by
 */
struct kdbus_match_bunch {
	struct hlist_head nodes;
	u64 digest;
	struct hlist_node links[KDBUS_MATCH_MAX_PIVOTS + 1];
	u64 words[KDBUS_MATCH_MAX_WORDS];
	struct hlist_node same;
	struct rcu_head rcu;
	unsigned int n_pivots;
	u16 pivots[KDBUS_MATCH_MAX_PIVOTS];
};

/**
 * struct kdbus_match_node - a place of an entry in a group
 * @link:	in a bunch, or among those that are visited always
 * @owner:	entry
 * @bunch:	bunch, NULL if it is in none
 */
struct kdbus_match_node {
	struct hlist_node link;
	void *owner;
	struct kdbus_match_bunch *bunch;
};

struct kdbus_match_table;

/**
 * struct kdbus_match_branch - bunches with the same pivots
 * @bunches:	those with no further pivot
 * @table:	the others, NULL as long as there are few; readers look here
 *		last, and use rcu_dereference()
 * @n:		number of all of them
 */
struct kdbus_match_branch {
	struct hlist_head bunches;
	struct kdbus_match_table __rcu *table;
	unsigned int n;
};

/**
 * struct kdbus_match_table - branches by their next pivot
 * @rcu:	delays freeing for readers
 * @occupied:	branches that are not empty
 * @branches:	branches, as many as folded filters have bits
 */
struct kdbus_match_table {
	struct rcu_head rcu;
	u64 occupied[KDBUS_MATCH_MAX_WORDS];
	struct kdbus_match_branch branches[];
};

/**
 * struct kdbus_match_census - what writers know of the bunches of a group
 * @n_with:	bunches whose masks have a bit
 * @bunches:	all of them, hashed by mask
 */
struct kdbus_match_census {
	unsigned int n_with[64 * KDBUS_MATCH_MAX_WORDS];
	struct hlist_head bunches[KDBUS_MATCH_HASH_SIZE];
};

/**
 * struct kdbus_match_group - entries with one key
 * @always:	nodes to visit always
 * @root:	bunches
 * @n:		all nodes
 * @census:	NULL as long as @root has no table
 */
struct kdbus_match_group {
	struct hlist_head always;
	struct kdbus_match_branch root;
	unsigned int n;
	struct kdbus_match_census *census;
};

/**
 * struct kdbus_match_mask - bloom mask of an entry
 * @data:	blocks, one for each generation, or NULL
 * @n_blocks:	number of blocks
 * @n_words:	words of a block
 */
struct kdbus_match_mask {
	const __u64 *data;
	size_t n_blocks;
	size_t n_words;
};

/**
 * struct kdbus_match_filter - a bloom filter to look up
 * @n_words:	words of it
 * @digest:	folded to one word
 * @words:	folded to @n_words
 */
struct kdbus_match_filter {
	size_t n_words;
	u64 digest;
	u64 words[KDBUS_MATCH_MAX_WORDS];
};

/**
 * struct kdbus_match_walk - a visit of groups
 * @filter:	filter of a broadcast, all 0 for a notification
 * @visit:	called for each node found, perhaps several times for one entry
 * @pause:	called once in a while; may leave the RCU section for a moment if
 *		the caller makes sure that no writer is at work
 * @n:		what was done since the last pause, in bunches passed
 *
 * The walk ends if one of the functions returns false.
 */
struct kdbus_match_walk {
	struct kdbus_match_filter filter;
	bool (*visit)(struct kdbus_match_walk *walk, void *owner);
	bool (*pause)(struct kdbus_match_walk *walk);
	unsigned int n;
};

/* bunches between two pauses, and how many of them a visit is worth */
#define KDBUS_MATCH_PAUSE	4096
#define KDBUS_MATCH_VISIT	64

void kdbus_match_mask_find(struct kdbus_match_mask *mask, const void *rules,
			   size_t rules_size, size_t bloom_size);
size_t kdbus_match_mask_max_nodes(const struct kdbus_match_mask *mask);
bool kdbus_match_mask_decides(const struct kdbus_match_mask *mask,
			      size_t rules_size);
void kdbus_match_filter_init(struct kdbus_match_filter *filter,
			     const struct kdbus_bloom_filter *bloom,
			     size_t bloom_size);

void kdbus_match_group_init(struct kdbus_match_group *group);
size_t kdbus_match_group_add(struct kdbus_match_group *group,
			     const struct kdbus_match_mask *mask, u32 seed,
			     struct hlist_head *vacant,
			     struct kdbus_match_node *nodes, void *owner);
void kdbus_match_group_remove(struct kdbus_match_group *group,
			      struct kdbus_match_node *nodes, size_t n);
bool kdbus_match_group_walk(const struct kdbus_match_group *group,
			    struct kdbus_match_walk *walk);

#endif
