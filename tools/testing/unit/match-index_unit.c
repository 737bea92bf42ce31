// SPDX-License-Identifier: GPL-2.0
#include "match-group.h"
#include "match-key.h"
#include "match-rule.h"

#include <linux/slab.h>
#include <stdlib.h>
#include <string.h>

#include "item.h"
#include "unit.h"

/*
 * What the index of a bus finds, against what each entry says for itself. Ids,
 * names and bits are few, so that much fits.
 */

#define MAX_ENTRIES	300
#define MAX_GROUPS	400
#define MAX_WORDS	16
#define N_IDS		5
#define N_NAMES		4
#define MAX_OWNED	3
#define SEED		0x1234567

struct entry {
	bool used;
	bool is_filed;
	void *rules;
	size_t rules_size;
	struct kdbus_match_key key;
	struct kdbus_match_mask mask;
	struct kdbus_match_node *nodes;
	size_t n_nodes;
	bool found;
};

struct group {
	bool used;
	struct kdbus_match_key key;
	struct kdbus_match_group group;
};

static struct entry entries[MAX_ENTRIES];
static struct group groups[MAX_GROUPS];
static size_t bloom_size, n_visited, n_paused;

static const char *const names[N_NAMES] = {
	"org.example.a", "org.example.b", "org.example.c", "org.example.d",
};

struct sender {
	const char *names[MAX_OWNED];
	size_t n;
};

struct filter {
	struct kdbus_bloom_filter head;
	__u64 words[MAX_WORDS];
};

static struct {
	__u64 data[1024];
	size_t size;
} items;

static struct kdbus_item *add(__u64 type, const void *payload, size_t size)
{
	struct kdbus_item *item = (void *)((char *)items.data + items.size);

	CHECK(items.size + KDBUS_ITEM_SIZE(size) + 8 <= sizeof(items.data));
	item->size = KDBUS_ITEM_SIZE(size);
	item->type = type;
	memcpy(item->data, payload, size);
	items.size += KDBUS_ALIGN8(item->size);
	return item;
}

static __u64 random_id(void)
{
	return unit_random_below(4) ? 1 + unit_random_below(N_IDS) :
	       KDBUS_MATCH_ID_ANY;
}

static __u64 sparse_word(void)
{
	return unit_random() & unit_random() & unit_random() & unit_random() &
	       unit_random();
}

static void add_random_mask(void)
{
	__u64 mask[4 * MAX_WORDS];
	size_t i, n_words = bloom_size / sizeof(__u64);
	size_t n = n_words * (1 + unit_random_below(4));

	for (i = 0; i < n; i++)
		mask[i] = unit_random_below(n_words) ? 0 : sparse_word();
	add(KDBUS_ITEM_BLOOM_MASK, mask, n * sizeof(__u64));
}

static void add_random_change(__u64 type)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[32];
	} payload = {
		.change.old_id.id = random_id(),
		.change.new_id.id = random_id(),
	};
	size_t size = sizeof(payload.change);

	if (type == KDBUS_ITEM_NAME_ADD && unit_random_below(4))
		payload.change.old_id.id = 0;
	if (type == KDBUS_ITEM_NAME_REMOVE && unit_random_below(4))
		payload.change.new_id.id = 0;
	if (unit_random_below(2)) {
		strcpy(payload.name, unit_random_below(8) ?
		       names[unit_random_below(N_NAMES)] : "");
		size += strlen(payload.name) + 1;
	}
	add(type, &payload, size);
}

static void add_random_message_rule(void)
{
	const char *name = names[unit_random_below(N_NAMES)];
	__u64 id = random_id();

	switch (unit_random_below(5)) {
	case 0:
		add(KDBUS_ITEM_ID, &id, sizeof(id));
		break;
	case 1:
		add(KDBUS_ITEM_NAME, name, strlen(name) + 1);
		break;
	case 2:
		if (unit_random_below(4))
			id = KDBUS_MATCH_ID_ANY;
		add(KDBUS_ITEM_DST_ID, &id, sizeof(id));
		break;
	default:
		add_random_mask();
	}
}

static void add_random_notification_rule(__u64 type)
{
	const struct kdbus_notify_id_change change = { .id = random_id() };

	if (type < KDBUS_ITEM_ID_ADD)
		add_random_change(type);
	else
		add(type, &change, sizeof(change));
}

static __u64 random_notification(void)
{
	return KDBUS_ITEM_NAME_ADD + unit_random_below(5);
}

/* most entries have one kind of rules; some have none, some have all kinds */
static void make_rules(void)
{
	size_t n = unit_random_below(4);
	bool mixed = !unit_random_below(10), messages = unit_random_below(2);
	__u64 type = random_notification();

	items.size = 0;
	while (n--) {
		if (mixed) {
			messages = unit_random_below(2);
			type = random_notification();
		}
		if (messages)
			add_random_message_rule();
		else
			add_random_notification_rule(type);
	}
}

static struct group *find_group(const struct kdbus_match_key *key, bool make)
{
	struct group *vacant = NULL;
	size_t i;

	for (i = 0; i < MAX_GROUPS; i++) {
		if (groups[i].used &&
		    !memcmp(&groups[i].key, key, sizeof(*key)))
			return &groups[i];
		if (!groups[i].used)
			vacant = &groups[i];
	}
	if (!make)
		return NULL;

	CHECK(vacant);
	vacant->used = true;
	vacant->key = *key;
	kdbus_match_group_init(&vacant->group);
	return vacant;
}

/* what the kernel's list of vacant bunches is; returns how many are left */
static size_t free_bunches(struct hlist_head *bunches)
{
	struct kdbus_match_bunch *bunch;
	struct hlist_node *next;
	size_t n = 0;

	hlist_for_each_entry_safe(bunch, next, bunches, same) {
		free(bunch);
		n++;
	}
	return n;
}

static size_t group_add(struct kdbus_match_group *group,
			const struct kdbus_match_mask *mask,
			struct kdbus_match_node *nodes, void *owner)
{
	size_t i, n, max = kdbus_match_mask_max_nodes(mask);
	struct kdbus_match_bunch *bunch;
	HLIST_HEAD(bunches);

	for (i = 0; mask->data && i < max; i++) {
		bunch = unit_alloc(sizeof(*bunch));
		hlist_add_head(&bunch->same, &bunches);
	}
	n = kdbus_match_group_add(group, mask, SEED, &bunches, nodes, owner);
	CHECK(n > 0 && n <= max);
	CHECK(free_bunches(&bunches) <= max);
	return n;
}

static void add_entry(struct entry *entry)
{
	struct group *group;
	size_t max;

	make_rules();
	entry->used = true;
	entry->rules = unit_copy(items.data, items.size);
	entry->rules_size = items.size;
	kdbus_match_mask_find(&entry->mask, entry->rules, entry->rules_size,
			      bloom_size);
	entry->is_filed = kdbus_match_key_of_rules(&entry->key, entry->rules,
						   entry->rules_size, SEED);
	max = kdbus_match_mask_max_nodes(&entry->mask);
	entry->nodes = unit_alloc(max * sizeof(*entry->nodes));
	if (!entry->is_filed)
		return;

	unit_no_memory = !unit_random_below(4);
	group = find_group(&entry->key, true);
	entry->n_nodes = group_add(&group->group, &entry->mask, entry->nodes,
				   entry);
	unit_no_memory = false;
}

static void check_empty(const struct kdbus_match_group *group)
{
	CHECK(hlist_empty(&group->always));
	CHECK(hlist_empty(&group->root.bunches));
	CHECK_EQ(group->n, 0);
	CHECK_EQ(group->root.n, 0);
	CHECK(!group->root.table);
	CHECK(!group->census);
}

static void remove_entry(struct entry *entry)
{
	struct group *group;

	if (entry->is_filed) {
		group = find_group(&entry->key, false);
		CHECK(group);
		kdbus_match_group_remove(&group->group, entry->nodes,
					 entry->n_nodes);
		if (!group->group.n) {
			check_empty(&group->group);
			group->used = false;
		}
	}
	free(entry->nodes);
	free(entry->rules);
	entry->used = false;
}

static bool visit(struct kdbus_match_walk *walk, void *owner)
{
	struct entry *entry = owner;

	CHECK(walk && entry->used);
	entry->found = true;
	n_visited++;
	return true;
}

static bool pause_walk(struct kdbus_match_walk *walk)
{
	CHECK(walk->filter.digest || !walk->filter.digest);
	n_paused++;
	return true;
}

static bool owns_name(const void *owner, const char *name)
{
	const struct sender *sender = owner;
	size_t i;

	for (i = 0; i < sender->n; i++)
		if (!strcmp(sender->names[i], name))
			return true;
	return false;
}

static void walk_key(struct kdbus_match_walk *walk,
		     const struct kdbus_match_key *key)
{
	struct group *group = find_group(key, false);

	if (group)
		CHECK(kdbus_match_group_walk(&group->group, walk));
}

static void look_up(const struct kdbus_match_facts *facts,
		    const struct sender *sender)
{
	struct kdbus_match_key keys[KDBUS_MATCH_MAX_KEYS];
	struct kdbus_match_walk walk = { .visit = visit, .pause = pause_walk };
	size_t i, n;

	for (i = 0; i < MAX_ENTRIES; i++)
		entries[i].found = false;

	kdbus_match_filter_init(&walk.filter, facts->bloom, bloom_size);
	n = kdbus_match_keys_of_facts(keys, facts, SEED);
	CHECK(n <= KDBUS_MATCH_MAX_KEYS);
	for (i = 0; i < n; i++)
		walk_key(&walk, &keys[i]);
	for (i = 0; i < sender->n; i++) {
		kdbus_match_key_of_name(&keys[0], sender->names[i], SEED);
		walk_key(&walk, &keys[0]);
	}
}

static void make_filter(struct filter *filter)
{
	size_t i;

	filter->head.generation = unit_random_below(6);
	for (i = 0; i < bloom_size / sizeof(__u64); i++)
		filter->words[i] = unit_random_below(3) ? unit_random() :
				   sparse_word();
}

/* makes up a broadcast or a notification; returns how many entries fit it */
static size_t compare(void)
{
	struct sender sender = {};
	struct filter filter = {};
	struct kdbus_match_facts facts = {};
	size_t i, n_fit = 0;
	bool fits;

	if (unit_random_below(2)) {
		make_filter(&filter);
		facts.src_id = 1 + unit_random_below(N_IDS);
		facts.dst_id = KDBUS_DST_ID_BROADCAST;
		facts.bloom = &filter.head;
		facts.owns_name = owns_name;
		facts.owner = &sender;
		sender.n = unit_random_below(MAX_OWNED + 1);
		for (i = 0; i < sender.n; i++)
			sender.names[i] = names[(facts.src_id + i) % N_NAMES];
	} else {
		facts.notification = random_notification();
		facts.name = facts.notification < KDBUS_ITEM_ID_ADD ?
			     names[unit_random_below(N_NAMES)] : NULL;
		if (facts.notification != KDBUS_ITEM_NAME_ADD &&
		    facts.notification != KDBUS_ITEM_ID_ADD)
			facts.old_id = 1 + unit_random_below(N_IDS);
		if (facts.notification != KDBUS_ITEM_NAME_REMOVE &&
		    facts.notification != KDBUS_ITEM_ID_REMOVE)
			facts.new_id = 1 + unit_random_below(N_IDS);
	}

	look_up(&facts, &sender);
	for (i = 0; i < MAX_ENTRIES; i++) {
		if (!entries[i].used)
			continue;
		fits = kdbus_match_rules_test(entries[i].rules,
					      entries[i].rules_size, bloom_size,
					      &facts);
		CHECK(!fits || entries[i].found, "entry %zu of type %llu", i,
		      (unsigned long long)facts.notification);
		CHECK(fits || !entries[i].found || !entries[i].n_nodes ||
		      !kdbus_match_mask_decides(&entries[i].mask,
						entries[i].rules_size),
		      "entry %zu", i);
		n_fit += fits;
	}

	return n_fit;
}

static void remove_all(void)
{
	size_t i;

	for (i = 0; i < MAX_ENTRIES; i++)
		if (entries[i].used)
			remove_entry(&entries[i]);
	for (i = 0; i < MAX_GROUPS; i++)
		CHECK(!groups[i].used);
}

static void compare_at_random(size_t size)
{
	size_t round, i, n_fit = 0, n_rounds = 20000, n_brute = 0;

	bloom_size = size;
	n_visited = 0;
	n_paused = 0;
	for (round = 0; round < n_rounds; round++) {
		i = unit_random_below(MAX_ENTRIES);
		if (entries[i].used)
			remove_entry(&entries[i]);
		else
			add_entry(&entries[i]);
		n_fit += compare();
		n_brute += MAX_ENTRIES / 2;
	}
	remove_all();

	/* much fits, and much of what does not is not looked at */
	CHECK(n_fit > n_rounds, "%zu fit", n_fit);
	CHECK(n_visited < n_brute / 2, "%zu of %zu", n_visited, n_brute);
	CHECK(n_paused < n_visited);
}

static void test_small_filters(void)
{
	compare_at_random(8);
}

static void test_usual_filters(void)
{
	compare_at_random(64);
}

static void test_odd_filters(void)
{
	compare_at_random(24);
}

static void test_folded_filters(void)
{
	compare_at_random(8 * MAX_WORDS);
}

static void test_keys_without_match(void)
{
	const __u64 id = 7, any = KDBUS_MATCH_ID_ANY;
	const struct kdbus_notify_id_change change = { .id = 7 };
	struct kdbus_match_key key;

	/* a broadcast is for nobody in particular */
	items.size = 0;
	add(KDBUS_ITEM_DST_ID, &id, sizeof(id));
	CHECK(!kdbus_match_key_of_rules(&key, items.data, items.size, SEED));
	items.size = 0;
	add(KDBUS_ITEM_DST_ID, &any, sizeof(any));
	CHECK(kdbus_match_key_of_rules(&key, items.data, items.size, SEED));

	add(KDBUS_ITEM_ID_ADD, &change, sizeof(change));
	CHECK(!kdbus_match_key_of_rules(&key, items.data, items.size, SEED));
	items.size = 0;
	add(KDBUS_ITEM_ID_ADD, &change, sizeof(change));
	CHECK(kdbus_match_key_of_rules(&key, items.data, items.size, SEED));
	add(KDBUS_ITEM_ID_REMOVE, &change, sizeof(change));
	CHECK(!kdbus_match_key_of_rules(&key, items.data, items.size, SEED));
}

/* how many entries a walk shows, and how many bunches it passes */
static size_t count_found(const struct kdbus_match_group *group,
			  const __u64 *words, size_t *n_passed)
{
	struct kdbus_match_walk walk = { .visit = visit, .pause = pause_walk };
	struct filter filter = {};

	memcpy(filter.words, words, bloom_size);
	kdbus_match_filter_init(&walk.filter, &filter.head, bloom_size);
	n_visited = 0;
	CHECK(kdbus_match_group_walk(group, &walk));
	if (n_passed)
		*n_passed = walk.n - n_visited * KDBUS_MATCH_VISIT;
	return n_visited;
}

/* a place for each generation; one for all if there are too many */
static void test_generations(void)
{
	struct kdbus_match_node nodes[KDBUS_MATCH_MAX_BLOCKS];
	struct kdbus_match_group group;
	struct kdbus_match_mask mask;
	__u64 blocks[KDBUS_MATCH_MAX_BLOCKS + 1], bit;
	size_t i, n;

	bloom_size = 8;
	for (i = 0; i < KDBUS_MATCH_MAX_BLOCKS + 1; i++)
		blocks[i] = 1ULL << i | 1ULL << 40;
	mask = (struct kdbus_match_mask){
		.data = blocks, .n_blocks = KDBUS_MATCH_MAX_BLOCKS,
		.n_words = 1,
	};
	kdbus_match_group_init(&group);
	entries[0].used = true;

	n = group_add(&group, &mask, nodes, &entries[0]);
	CHECK_EQ(n, KDBUS_MATCH_MAX_BLOCKS);
	for (i = 0; i < n; i++) {
		CHECK_EQ(count_found(&group, &blocks[i], NULL), 1);
		bit = 1ULL << i;
		CHECK_EQ(count_found(&group, &bit, NULL), 0);
	}
	kdbus_match_group_remove(&group, nodes, n);
	check_empty(&group);

	mask.n_blocks++;
	n = group_add(&group, &mask, nodes, &entries[0]);
	CHECK_EQ(n, 1);
	bit = 1ULL << 40;
	CHECK_EQ(count_found(&group, &bit, NULL), 1);
	bit = ~bit;
	CHECK_EQ(count_found(&group, &bit, NULL), 0);
	kdbus_match_group_remove(&group, nodes, n);
	check_empty(&group);
	entries[0].used = false;
}

#define MANY		20000
#define MASK_BITS	8
#define FILTER_BITS	16

static void set_bits(__u64 *words, size_t n)
{
	unsigned int bit;

	memset(words, 0, 64);
	while (n--) {
		bit = unit_random_below(512);
		words[bit / 64] |= 1ULL << bit % 64;
	}
}

/* how many of many masks are looked at for a filter that fits none */
static void test_many_masks(void)
{
	static struct kdbus_match_node nodes[MANY];
	struct kdbus_match_group group;
	struct kdbus_match_mask mask = { .n_blocks = 1, .n_words = 8 };
	size_t i, n_passed, sum = 0;
	__u64 words[8];

	bloom_size = 64;
	kdbus_match_group_init(&group);
	entries[0].used = true;
	mask.data = words;
	for (i = 0; i < MANY; i++) {
		set_bits(words, MASK_BITS);
		CHECK_EQ(group_add(&group, &mask, &nodes[i], &entries[0]), 1);
		CHECK(count_found(&group, words, NULL) >= 1);
	}
	for (i = 0; i < 100; i++) {
		set_bits(words, FILTER_BITS);
		count_found(&group, words, &n_passed);
		sum += n_passed;
	}
	CHECK(sum / 100 < MANY / 200, "%zu of %u", sum / 100, MANY);

	for (i = 0; i < MANY; i++)
		kdbus_match_group_remove(&group, &nodes[i], 1);
	check_empty(&group);
	entries[0].used = false;
}

/* those with the same mask are looked at once, however many */
static void test_equal_masks(void)
{
	static struct kdbus_match_node nodes[MANY];
	struct kdbus_match_group group;
	struct kdbus_match_mask mask = { .n_blocks = 1, .n_words = 8 };
	__u64 words[5][8], filter[8];
	size_t i, j, n_passed;

	bloom_size = 64;
	kdbus_match_group_init(&group);
	entries[0].used = true;
	for (i = 0; i < 5; i++)
		set_bits(words[i], MASK_BITS);
	for (i = 0; i < MANY; i++) {
		mask.data = words[i % 5];
		CHECK_EQ(group_add(&group, &mask, &nodes[i], &entries[0]), 1);
	}
	CHECK(count_found(&group, words[3], NULL) >= MANY / 5);

	/* of each mask a bit is missing */
	memset(filter, 0xff, sizeof(filter));
	for (i = 0; i < 5; i++) {
		for (j = 0; !words[i][j]; j++)
			;
		filter[j] &= ~(words[i][j] & -words[i][j]);
	}
	CHECK_EQ(count_found(&group, filter, &n_passed), 0);
	CHECK(n_passed <= 7, "%zu", n_passed);
	for (i = 0; i < MANY; i++)
		kdbus_match_group_remove(&group, &nodes[i], 1);
	check_empty(&group);
	entries[0].used = false;
}

static const struct unit_test tests[] = {
	{ "finds what fits: filters of one word", test_small_filters },
	{ "finds what fits: filters of the usual size", test_usual_filters },
	{ "finds what fits: filters of an odd size", test_odd_filters },
	{ "finds what fits: filters that are folded", test_folded_filters },
	{ "what nothing can fit has no key", test_keys_without_match },
	{ "each generation has its place", test_generations },
	{ "few of many masks are looked at", test_many_masks },
	{ "equal masks are looked at once", test_equal_masks },
};

UNIT_MAIN(tests)
