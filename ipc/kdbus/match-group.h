/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MATCH_GROUP_H
#define KDBUS_MATCH_GROUP_H

/**
 * DOC: Groups of matches
 *
 * The entries with one key, filed by their bloom masks. A mask fits a filter
 * that has all of its bits; so an entry need only be looked at if the filter
 * has one certain bit of the mask, its pivot. The entry is linked in the list
 * of that bit, and the bits with lists that are not empty are the union that a
 * filter is compared with: only the bits they share are visited. A union of
 * whole masks would soon have all bits, one of pivots does not, as each entry
 * takes the bit of its mask that the fewest others have.
 *
 * An entry with masks for several generations needs a pivot in each of them;
 * one may do for many. Whoever visits does not care which generation a pivot is
 * of. An entry without mask, or with an empty one, is visited always, and so
 * are the first few, for which lists do not pay.
 *
 * Of what is linked, the digest is compared before anybody looks at its rules:
 * the mask folded to 64 bits, which have to be in the folded filter.
 *
 * Filters and masks with more than 512 bits are folded to that.
 *
 * Writers are serialised by the caller, readers need RCU only. Nothing is
 * allocated or freed here: memory comes from the caller and goes back to him.
 */

#include <linux/list.h>
#include <linux/rculist.h>
#include <linux/types.h>
#include <linux/kdbus.h>

/* words of a folded filter */
#define KDBUS_MATCH_MAX_WORDS	8

/* entries with masks that need no lists */
#define KDBUS_MATCH_FEW		16

/**
 * struct kdbus_match_node - a place of an entry in a group
 * @link:	in a list of the group
 * @owner:	entry
 * @digest:	bits that a folded filter needs for the entry to fit
 * @bucket:	the pivot; or -1 if the node is visited always
 * @is_masked:	counts among the first few
 */
struct kdbus_match_node {
	struct hlist_node link;
	void *owner;
	u64 digest;
	int bucket;
	bool is_masked;
};

/**
 * struct kdbus_match_buckets - lists by pivots
 * @rcu:	for the caller, to delay freeing
 * @n_words:	words of folded filters
 * @occupied:	lists that are not empty
 * @buckets:	lists
 */
struct kdbus_match_buckets {
	struct rcu_head rcu;
	size_t n_words;
	u64 occupied[KDBUS_MATCH_MAX_WORDS];
	struct kdbus_match_bucket {
		struct hlist_head nodes;
		unsigned int n;
	} buckets[];
};

/**
 * struct kdbus_match_group - entries with one key
 * @always:	nodes to visit always
 * @n_few:	those of them that are there because they are few
 * @n:		all nodes
 * @buckets:	lists, NULL until there are too many for @always; readers use
 *		rcu_dereference()
 */
struct kdbus_match_group {
	struct hlist_head always;
	unsigned int n_few;
	unsigned int n;
	struct kdbus_match_buckets __rcu *buckets;
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
 * @digest:	folded to one word
 * @words:	folded; those behind the filter's size are 0
 */
struct kdbus_match_filter {
	u64 digest;
	u64 words[KDBUS_MATCH_MAX_WORDS];
};

/**
 * struct kdbus_match_walk - a visit of groups
 * @filter:	filter of a broadcast, all 0 for a notification
 * @visit:	called for each node found, perhaps several times for one entry
 * @pause:	called once in a while; may leave the RCU section for a moment if
 *		the caller makes sure that no writer is at work
 * @n:		what was done since the last pause, in nodes passed
 *
 * The walk ends if one of the functions returns false.
 */
struct kdbus_match_walk {
	struct kdbus_match_filter filter;
	bool (*visit)(struct kdbus_match_walk *walk, void *owner);
	bool (*pause)(struct kdbus_match_walk *walk);
	unsigned int n;
};

/* nodes between two pauses, and how many of them a visit is worth */
#define KDBUS_MATCH_PAUSE	4096
#define KDBUS_MATCH_VISIT	64

void kdbus_match_mask_find(struct kdbus_match_mask *mask, const void *rules,
			   size_t rules_size, size_t bloom_size);
size_t kdbus_match_mask_max_nodes(const struct kdbus_match_mask *mask);
void kdbus_match_filter_init(struct kdbus_match_filter *filter,
			     const struct kdbus_bloom_filter *bloom,
			     size_t bloom_size);

void kdbus_match_group_init(struct kdbus_match_group *group);
size_t kdbus_match_buckets_size(size_t bloom_size);
bool kdbus_match_group_wants_buckets(const struct kdbus_match_group *group);
void kdbus_match_group_set_buckets(struct kdbus_match_group *group,
				   struct kdbus_match_buckets *buckets,
				   size_t bloom_size);
size_t kdbus_match_group_add(struct kdbus_match_group *group,
			     const struct kdbus_match_mask *mask,
			     struct kdbus_match_node *nodes, void *owner);
void kdbus_match_group_remove(struct kdbus_match_group *group,
			      struct kdbus_match_node *nodes, size_t n);
bool kdbus_match_group_walk(const struct kdbus_match_group *group,
			    struct kdbus_match_walk *walk);

#endif
